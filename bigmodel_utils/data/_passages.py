"""Fifteen short passages of English, written for this book in 2026 and published nowhere before.

A language model that is older cannot have read them.
"""

__all__ = ["load_passages"]

_PASSAGES = """
The ferry to the island leaves at ten past seven, but everybody on the quay knows that it will
wait for the baker. She comes down the hill with two baskets of rolls, one for the crew and one
for the school, and nobody has ever asked her to pay. This morning she was late. The captain
looked at the clock, then at the sky, and poured himself another cup of coffee. A woman from the
city, who had a train to catch on the other side, wanted to know what the matter was. "Bread,"
said the captain, and turned a page of his newspaper.

To mend a dripping tap, first turn off the water under the sink and open the tap until nothing
more comes out. Cover the drain with a cloth, because the screw that you are about to remove is
small and always falls. Lift off the handle, unscrew the brass nut below it, and pull the spindle
straight up. At its end sits a rubber washer, flat and hard by now. Take it with you to the shop,
since washers that look alike often differ by half a millimetre. Put the new one in, tighten the
nut by hand and then a quarter turn more, and open the water slowly.

When my grandfather spoke of the winter of the great snow, he never mentioned the cold. He spoke
of the quiet. For nine days no cart came through the valley, the mill stood still, and the bells
were muffled, so that he, a boy of six, believed he had gone deaf. On the tenth day his father dug
a tunnel from the kitchen to the barn, and the first thing that the boy heard was the cow. He ran
to her and put his ear against her side. All his life, he said, he could fall asleep nowhere as
well as in a house with an animal breathing behind the wall.

The council met on Tuesday to decide whether the old swimming pool should be repaired or closed.
An engineer explained that the roof loses more heat than the boiler can supply, and that a new
one would cost about four million. Several parents answered that the nearest other pool is forty
minutes away by bus, and that last year two hundred children learned to swim here. A member of
the finance committee proposed a smaller building with a single basin. After three hours the
council postponed its decision until June and asked for a second estimate, which nobody in the
room expected to be lower.

Moss has no roots. It holds on to stone or bark with fine threads, and drinks through its leaves,
which are one cell thick. In a dry week it shrivels, turns brown and stops nearly all that it
does; an hour after rain it is green again. This makes it a poor plant for a garden of straight
lines, but a good witness. Because it takes everything from the air and the rain, it keeps what
the air carried. In some cities people collect moss from walls each spring, dry it, and measure
the metals in it, street by street, so that a map of the traffic appears in lead and zinc.

"You moved my queen," said Irene, without looking up. "I dusted the board," said her brother. "You
dusted around a queen and she walked two squares to the left?" He came nearer and studied the
position with his hands behind his back, as their teacher had taught them. "It is a better square,"
he said at last. "That is not the point." "It is exactly the point. You would have lost her in
three moves." She counted under her breath, knight, bishop, pawn, and saw that he was right. She
put the queen back where she had been. "Then I will lose her," she said, "but she will be mine."

Dear Mr Okafor, thank you for your letter about the piano. We have looked at the photographs and
believe that it was built shortly before the First World War, probably in Leipzig. The cracks in
the lacquer are no cause for concern, but the one in the soundboard is. A repair is possible and
would take until autumn, as the wood has to rest in our workshop before we glue it. Please do not
tune the instrument in the meantime, and keep it away from the radiator. If you still have the key
to the lid, send it to us; if you do not, our locksmith can make another one. With kind regards.

A tide table is a forecast that hardly ever fails. The moon and the sun pull at the sea in rhythms
that have been known for centuries, and each harbour answers in its own way, according to the
shape of its bay. Whoever measures the height of the water in one place for a year or two can
separate these rhythms, a strong one of twelve hours and twenty-five minutes and some dozens of
weaker ones, and add them up again for any day to come. What the table does not know is the wind.
A storm that blows for two days towards the coast can raise the sea by more than the moon does.

The recipe says to fold the egg whites under the chocolate, and this is where most people go
wrong. Folding is not stirring. Take a third of the whites first and mix it in without any care,
because all it has to do is make the chocolate softer. Then add the rest, cut down through the
middle with the edge of a spatula, draw it along the bottom of the bowl and up the side, and turn
the bowl a little. Count to fifteen. There will be white streaks left, and you will want to go on.
Do not. Fill the glasses, cover them, and leave them in the cold until the next day.

Nobody had told the new night porter about room 214. At two in the morning its bell rang, and he
went up with a torch, since the lamp on the second floor was broken. The door stood open. The bed
was made, the window closed, and on the chair lay a child's raincoat, dripping. He followed the
drops along the corridor to the lift, which was on the fourth floor and did not come. When he was
back behind his desk, the book of guests lay open at a page from 1974. He shut it, put the kettle
on top of it, and decided to ask for the day shift.

For the third year in a row, fewer swifts have returned to the church tower. The group that counts
them meets every evening in May with folding chairs and a thermos, and notes how many birds fly in
under the tiles. Swifts live long and come back to the hole in which they raised their young, so
that a single renovation can end a colony without anybody noticing. The group has persuaded the
parish to leave eleven tiles loose. It has also hung wooden boxes below the bell, and plays calls
from a loudspeaker to show young birds that here is a place to live.

If the machine stops in the middle of a print, do not switch it off. Look at the display. A number
from 10 to 19 means that it waits for paper, and the lamp beside the tray blinks. A number from 20
to 29 means that a sheet is caught: open the front, turn the green wheel towards you, and pull the
sheet out with both hands, slowly, so that no corner stays behind. With any other number write
down what you see before you do anything else. The technician needs the number, the time, and
whether the drum was still warm, and without these three things she can only guess.

He had learned to juggle from a library book, with oranges, over a bed so that he did not have to
bend down each time. The book said that the secret was to look at the highest point and never at
the hands. For a week he did not believe it. Then one evening the telephone rang, he glanced at
the door, and the oranges went round three times by themselves. He let it ring. Later, when he
worked in a hospital and learners asked him how he found a vein that nobody else could find, he
heard himself say something about oranges, and saw that it helped nobody.

The museum's oldest clock has only one hand. It was made at a time when a quarter of an hour was
as exact as anyone had to be, and when noon was whatever the sundial on the wall said it was. Each
morning the keeper of the tower set it right, and the town lived by his judgement. With the
railway came minutes. A train that left the next town at its own noon arrived here eleven minutes
too early, and after two summers of quarrels the council bought a second clock, which showed the
time of the capital. For thirty years the two hung side by side and disagreed.

Cutting a hedge is easier with two people and a string. One of you holds the string at the height
that you want, the other cuts, and after every metre you both step back to the road and look. The
eye is easily fooled from close by. Begin at the bottom and make it a little wider there than at
the top, or the lower branches get no light and go bare. Stop where you find a nest. By August the
birds have gone, and the rest can be done in half an hour. Rake the cuttings on to an old sheet
and drag it away; that saves more work than any machine.
"""


def load_passages():
    """Return fifteen passages of about 100 words each, a list of strings.

    They were written for this book in 2026: stories, instructions, letters and reports in English,
    each one a paragraph without line ends.
    """
    return [" ".join(part.split()) for part in _PASSAGES.strip().split("\n\n")]
