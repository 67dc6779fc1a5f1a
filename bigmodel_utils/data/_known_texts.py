"""Texts that stand in many places, and others like them that stand nowhere else.

The first are public: two licences, two speeches and documents of state, two nursery rhymes. The
others were written for this book in 2026: each known text retold in other words, and imitations
that speak of other things in the same three registers.
"""

from bigmodel_utils import arguments

__all__ = ["load_known_texts"]

_KNOWN = {
    "licence": (
        """Permission is hereby granted, free of charge, to any person obtaining a copy of this
        software and associated documentation files (the "Software"), to deal in the Software
        without restriction, including without limitation the rights to use, copy, modify, merge,
        publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons
        to whom the Software is furnished to do so, subject to the following conditions: The above
        copyright notice and this permission notice shall be included in all copies or substantial
        portions of the Software.""",
        """Redistribution and use in source and binary forms, with or without modification, are
        permitted provided that the following conditions are met: Redistributions of source code
        must retain the above copyright notice, this list of conditions and the following
        disclaimer. Redistributions in binary form must reproduce the above copyright notice, this
        list of conditions and the following disclaimer in the documentation and/or other materials
        provided with the distribution. Neither the name of the copyright holder nor the names of
        its contributors may be used to endorse or promote products derived from this software
        without specific prior written permission.""",
    ),
    "speech": (
        """Four score and seven years ago our fathers brought forth on this continent, a new nation,
        conceived in Liberty, and dedicated to the proposition that all men are created equal. Now
        we are engaged in a great civil war, testing whether that nation, or any nation so conceived
        and so dedicated, can long endure. We are met on a great battle-field of that war. We have
        come to dedicate a portion of that field, as a final resting place for those who here gave
        their lives that that nation might live. It is altogether fitting and proper that we should
        do this.""",
        """We hold these truths to be self-evident, that all men are created equal, that they are
        endowed by their Creator with certain unalienable Rights, that among these are Life, Liberty
        and the pursuit of Happiness. That to secure these rights, Governments are instituted among
        Men, deriving their just powers from the consent of the governed, That whenever any Form of
        Government becomes destructive of these ends, it is the Right of the People to alter or to
        abolish it, and to institute new Government, laying its foundation on such principles.""",
    ),
    "rhyme": (
        """Mary had a little lamb, its fleece was white as snow; and everywhere that Mary went, the
        lamb was sure to go. It followed her to school one day, which was against the rule; it made
        the children laugh and play, to see a lamb at school. And so the teacher turned it out, but
        still it lingered near, and waited patiently about till Mary did appear. Why does the lamb
        love Mary so? the eager children cry; why, Mary loves the lamb, you know, the teacher did
        reply.""",
        """Twinkle, twinkle, little star, how I wonder what you are! Up above the world so high,
        like a diamond in the sky. When the blazing sun is gone, when he nothing shines upon, then
        you show your little light, twinkle, twinkle, all the night. Then the traveller in the dark
        thanks you for your tiny spark; he could not see which way to go, if you did not twinkle so.
        In the dark blue sky you keep, and often through my curtains peep, for you never shut your
        eye till the sun is in the sky.""",
    ),
}

_RETOLD = {
    "licence": (
        """Anyone who receives this program together with its manuals (the "Program") may, without
        paying a fee, use it in whatever way they like. This includes the right to run, copy,
        change, combine, print, share, license again and sell the Program, and to let those who
        receive it from them do the same, as long as one condition is met: the notice of copyright
        printed above and this notice of permission must appear in every copy of the Program and in
        every larger part that is taken from it.""",
        """You may share and use the program as source code or in compiled form, changed or
        unchanged, if you keep to the following rules: Whoever shares the source code must leave in
        it the notice of copyright above, these rules and the warning that follows. Whoever shares
        the compiled program must print the notice of copyright, these rules and the warning in the
        manual or in other papers that come with it. Unless they have given their permission in
        writing beforehand, nobody may use the name of the owner or the names of those who helped
        to advertise products that are built on this program.""",
    ),
    "speech": (
        """Eighty-seven years ago the founders of this country created a new nation here, which was
        born in freedom and held to the principle that all people are equal. Today we are fighting
        a terrible civil war, which will show whether our nation, or any other that was founded on
        such ideas, can survive for long. We have gathered on one of the great battlefields of this
        war. We are here to set aside a part of it as a cemetery for the soldiers who died so that
        their country could live. It is right and proper for us to do so.""",
        """We believe it is obvious to everyone that all people are born equal, that God has given
        each of them rights which nobody can take away, and that these include the right to live,
        to be free and to look for happiness. In order to protect these rights, people set up
        governments, which get their lawful power from the agreement of the people whom they
        govern. When a government works against these goals, the people have the right to change or
        remove it, and to set up a new one in its place, built on the principles that seem best to
        them.""",
    ),
    "rhyme": (
        """Mary had a tiny sheep, its coat was clean and bright; and anywhere that Mary walked, the
        sheep would stay in sight. It came behind her to her class, though this was not allowed;
        and when the pupils saw the sheep, they laughed and sang out loud. And so the teacher sent
        it off, but it would not go far, and waited for her by the gate until the evening star. Why
        is the sheep so fond of her? the girls and boys would say; because she loves it in return,
        the teacher said that day.""",
        """Shining, shining, little light, tell me what you are at night! Far above the earth you
        stay, like a jewel far away. When the burning day is done, when there is no other sun, then
        you let us see you glow, shining, shining, down below. Then the man who walks alone thanks
        you that his path is shown; he would never find his way, if you shone by light of day. High
        above you never sleep, through my window you will peep, and you do not close your eyes till
        you see the morning rise.""",
    ),
}

_NEW = {
    "licence": (
        """Leave is given, at no cost, to every household that receives this loom and the pattern
        books that come with it (the "Loom"), to weave with the Loom for its own needs or for sale,
        to lend, repair, extend and dismantle it, and to pass these freedoms on to whoever is lent
        the Loom, as long as two duties are kept: The names of the carpenters, burned into the upper
        beam, must stay readable on the Loom and on each copy that is built from its drawings, and
        nobody may claim that a cloth was approved by the carpenters because it was woven on the
        Loom.""",
        """Borrowing and serving of the starter, fresh or dried, with flour of any kind, are allowed
        as long as four rules are kept: Whoever hands on a jar of fresh starter must keep the label
        with the year of its first feeding, these rules and the warning below. Whoever sells bread
        that was raised with dried starter must print the same label, these rules and the warning on
        the bag or on a sheet that lies in the shop. The names of the bakery and of its apprentices
        must not stand in an advertisement for bread without a letter that agrees to it.""",
    ),
    "speech": (
        """Six winters and a summer ago our mothers carried up to this meadow a small orchestra,
        born of impatience, and sworn to the belief that every village has one tune of its own.
        Today we stand before an unpaid bill, and ask whether this orchestra, or any orchestra so
        begun and so impatient, can play another year. We have come together in the barn where it
        first played. We are here to give up a part of our harvest, so that those who mended the
        drums with their own shirts may hear them again. Nobody has asked us to, and that is why it
        is right.""",
        """We take the following as known to everybody, that no two gardens are watered alike, that
        each of them owes its owner certain plain comforts, and that among these are shade, onions
        and a place to be left alone. To guard these comforts a Water Board was chosen among
        neighbours, borrowing its keys from the goodwill of those who drink, and as soon as a Board
        has begun to empty the wells that it was chosen to fill, the neighbours may take back the
        keys or change the locks, and choose another Board, setting its table wherever the pump can
        be seen.""",
    ),
    "rhyme": (
        """Clara kept a spotted crow, its beak was black as tar; and when she took the train to
        town, it sat upon the car. It hopped into the bank one noon, where birds were not allowed;
        it made the old cashier look up, and sing to all the crowd. And so the porter shooed it
        home, but still it knew the way, and tapped upon the window pane until the close of day. Who
        taught the bird to count so well? the busy bankers sigh; why, Clara owes it seven crumbs,
        you see, the crow did cry.""",
        """Rattle, rattle, kitchen drawer, who has slept behind your door? Deep among the forks and
        strings, on a bed of curtain rings. When the kettle sings no more, when the cat has crossed
        the floor, out you come with whiskers bright, rattle, rattle, half the night. Then the baker
        on his way hears that you have much to say; he would lose the time, I fear, if you did not
        rattle here. In the crumbs you write your name, no two mornings look the same, for you never
        go to bed till the oven bakes the bread.""",
    ),
}


def load_known_texts(kind):
    """Return texts that many have copied, or others like them that nobody has.

    Args:
        kind: "known" for the first; "retold" for the same content in other words; "new" for
            imitations about other things. The last two were written for this book in 2026 and
            published nowhere before.

    Returns:
        Dict from "licence", "speech" and "rhyme" to two texts each, of 80 to 110 words, without
        line ends. A text, the same retold and its imitation stand at the same place.

    Raises:
        ValueError: another kind.
    """
    arguments.one_of("kind", kind, ("known", "retold", "new"))
    texts = {"known": _KNOWN, "retold": _RETOLD, "new": _NEW}[kind]
    return {name: [" ".join(text.split()) for text in pair] for name, pair in texts.items()}
