"""Changing a trained model by few weights: low-rank corrections of its linear layers."""

from bigmodel_utils.adaptation._lora import LoRALinear
from bigmodel_utils.adaptation._models import add_lora, lora_parameters, merge_lora, remove_lora

__all__ = ["LoRALinear", "add_lora", "lora_parameters", "merge_lora", "remove_lora"]
