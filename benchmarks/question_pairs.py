"""Pairs of questions, labelled: whether the answer to one may be given to the other. `python -m benchmarks.question_pairs`.

Made by a seed out of topics, phrases and traps that are written by hand. Half of the topics and phrases, with all that is
made of them, are held out: rules are tuned on the others only. Paraphrases are of six kinds, and there are as many of
each: another phrase around the same words (`frame`), another surface (case, contractions, politeness, punctuation), one
word for another (`synonym`), another order, other words altogether (`free`), and phrases in other languages (`foreign`).
What must not hit differs from a question in as little as can be.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

SEED = 20261126
TUNED, HELD_OUT = "tuned", "held out"
EACH = 100  # paraphrases of each kind in each half
Pair = tuple[str, int, str, str, str]

# What is asked: in plain words, with another word, the opposite, where, and as somebody else would say it.
TOPICS: dict[str, list[tuple[str, str, str, str, str]]] = {
    TUNED: [
        ("enable two-factor authentication", "turn on two-factor authentication", "disable two-factor authentication", "on GitHub", "Where is the setting that makes my account ask for a code besides the password?"),
        ("delete an old branch", "remove an old branch", "create a new branch", "in git", "I merged my work last week and want to get rid of what is left over."),
        ("increase the font size", "enlarge the font size", "decrease the font size", "in VS Code", "The letters in my editor are too small for me to read."),
        ("open a savings account", "set up a savings account", "close a savings account", "in Germany", "I'd like to put money aside at a bank, what do I need to get started?"),
        ("cook brown rice", "prepare brown rice", "cook white rice", "in a pressure cooker", "My whole-grain rice always comes out hard, what is the right method?"),
        ("sort a list in ascending order", "order a list from smallest to largest", "sort a list in descending order", "in Python", "I have numbers and want the small ones first."),
        ("reset my router password", "restore my router password", "keep my router password", "on a Fritzbox", "I can't get into the settings page of my modem any more."),
        ("encrypt a folder", "protect a folder by encryption", "decrypt a folder", "on Linux", "Nobody who steals my laptop should be able to read these documents."),
        ("export contacts to a file", "save contacts to a file", "import contacts from a file", "from Outlook", "I need all my addresses in a spreadsheet."),
        ("lose weight before summer", "slim down before summer", "gain weight before summer", "without a gym", "The beach season is near and I am too heavy."),
        ("install a package from source", "build a package from source", "uninstall a package", "on Debian", "There is no binary for my system, only a tarball."),
        ("mute a conversation", "silence a conversation", "unmute a conversation", "in WhatsApp", "A group chat keeps buzzing all day and I want peace."),
        ("renew a passport", "extend a passport", "cancel a passport", "in France", "My travel document runs out in two months."),
        ("convert a PDF to a Word file", "turn a PDF into a Word file", "convert a Word file to a PDF", "on a Mac", "I have to edit a contract that I was sent as a print."),
        ("start a background job", "launch a background job", "stop a background job", "in bash", "My script should go on while I do other things in the terminal."),
    ],
    HELD_OUT: [
        ("block an unknown caller", "reject an unknown caller", "unblock an unknown caller", "on an iPhone", "Strangers phone me every day, can that be stopped?"),
        ("merge two tables", "join two tables", "split two tables", "in SQL", "My customers are here and their orders there; I want them side by side."),
        ("lower my blood pressure", "reduce my blood pressure", "raise my blood pressure", "without medication", "My doctor says the readings are too high."),
        ("schedule a meeting", "arrange a meeting", "cancel a meeting", "in Google Calendar", "I want to put something in my colleagues' diaries."),
        ("bake sourdough bread", "make sourdough bread", "bake rye bread", "at home", "My starter is ready, what comes next?"),
        ("compress a large video", "shrink a large video", "enlarge a small video", "with ffmpeg", "This clip is too big to be mailed."),
        ("grant a user read access", "give a user read access", "revoke a user's read access", "in PostgreSQL", "A colleague should be able to look at the data but not to touch it."),
        ("remove a red wine stain", "get rid of a red wine stain", "leave a red wine stain", "from a carpet", "Somebody spilt their glass over my rug."),
        ("hire a freelance designer", "engage a freelance designer", "fire a freelance designer", "in Spain", "I need someone for a logo, and only for a few weeks."),
        ("mount an external drive", "attach an external drive", "unmount an external drive", "on Ubuntu", "I plugged in my USB disk, and nothing shows up."),
        ("buy a used car", "purchase a used car", "sell a used car", "in California", "What should I look out for at a second-hand dealer?"),
        ("upgrade the database", "update the database", "downgrade the database", "in production", "We are two major versions behind, and users must not notice."),
        ("learn to play the piano", "teach myself the piano", "forget how to play the piano", "as an adult", "There is an old upright in our flat, and I am forty."),
        ("lock a row for writing", "reserve a row for writing", "unlock a row for writing", "in MySQL", "Two workers change the same record at once."),
        ("archive old messages", "store old messages", "delete old messages", "in Slack", "Our channel is full of stuff from years ago that we may need some day."),
    ],
}  # fmt: skip
FRAMES = {
    TUNED: [
        "How do I {}?", "How can I {}?", "Can you tell me how to {}?", "Please explain how to {}.", "What is the best way to {}?",
        "I want to {}. How do I do that?", "how to {}", "Show me how to {}.",
    ],
    HELD_OUT: [
        "How do I {}?", "How would I {}?", "Could you explain to me how to {}?", "What's the way to {}?", "I need to {}, how?",
        "Tell me how I can {}.", "Is there a way to {}?", "How does one {}?",
    ],
}  # fmt: skip
SURFACES = {
    TUNED: ["{}", "{} Thanks!", "Hi, {}", "{} please", "LOWER", "no question mark"],
    HELD_OUT: ["{}", "{} Thank you.", "Hello! {}", "Quick question: {}", "UPPER", "two blanks"],
}
# Questions in other languages: two ways to ask the same, and how not to.
FOREIGN: dict[str, list[tuple[str, str, str]]] = {
    TUNED: [
        ("Wie lösche ich {} auf meinem Handy?", "Wie kann ich {} auf meinem Handy löschen?", "Wie lösche ich {} auf meinem Handy nicht?"),
        ("¿Cómo puedo borrar {}?", "¿Cómo se borra {}?", "¿Cómo puedo no borrar {}?"),
        ("Comment supprimer {} ?", "Comment est-ce que je peux supprimer {} ?", "Comment ne pas supprimer {} ?"),
    ],
    HELD_OUT: [
        ("Wie öffne ich {} am Computer?", "Sag mir bitte, wie ich {} am Computer öffne.", "Wie öffne ich {} nie am Computer?"),
        ("¿Cómo abro {}?", "Dime cómo abrir {}, por favor.", "¿Cómo evito abrir {}?"),
        ("Come apro {}?", "Come si apre {}?", "Come non apro {}?"),
    ],
}  # fmt: skip
THINGS = {
    TUNED: ["WhatsApp", "Signal", "Firefox", "Excel", "Photoshop", "Telegram", "Spotify", "Dropbox", "Gmail", "Zoom", "Skype", "Steam"],
    HELD_OUT: ["LibreOffice", "Blender", "Inkscape", "Audacity", "Krita", "Thunderbird", "Chrome", "Outlook", "Notion", "Obsidian", "Figma", "Trello"],
}  # fmt: skip
# Traps: each row holds questions of which no two have the same answer, however alike they are.
TRAPS: dict[str, dict[str, list[tuple[str, ...]]]] = {
    TUNED: {
        "negation": [
            ("Which vaccines are safe during pregnancy?", "Which vaccines are not safe during pregnancy?"),
            ("Can dogs eat grapes?", "Can't dogs eat grapes?", "Why can dogs not eat grapes?"),
            ("Recipes with nuts", "Recipes without nuts"), ("Is it legal to park here?", "Is it illegal to park here?"),
            ("Name a city that has a metro.", "Name a city that has no metro.", "Name a city that never had a metro."),
        ],
        "number": [
            ("What is 15% of 80?", "What is 50% of 80?", "What is 15% of 800?"), ("Is -5 larger than 3?", "Is 5 larger than 3?"),
            ("What changed in Python 3.11?", "What changed in Python 3.12?", "What changed in Python 3.1?"),
            ("Write two sentences about rain.", "Write three sentences about rain.", "Write a sentence about rain."),
            ("What happened on 1/2/2020?", "What happened on 2/1/2020?"), ("Is 5 km far?", "Is 5 mi far?"),
            ("Explain World War I.", "Explain World War II."),
        ],
        "name": [
            ("Who is the mayor of Paris?", "Who is the mayor of London?", "Who is the mayor of Paris, Texas?"),
            ("How old is Tom Hanks?", "How old is Tom Cruise?"), ("Is Java dead?", "Is JavaScript dead?"),
            ("What does Apple make?", "What does Google make?"),
        ],
        "order": [
            ("Convert euros to dollars.", "Convert dollars to euros."), ("Is gold heavier than lead?", "Is lead heavier than gold?"),
            ("Why do cats chase dogs?", "Why do dogs chase cats?"), ("Ann lent Bob 10 euros. Who owes whom?", "Bob lent Ann 10 euros. Who owes whom?"),
        ],
        "flag": [
            ("What does rm -r do?", "What does rm -R do?", "What does rm -rf do?"), ("Explain git reset --hard", "Explain git reset --soft"),
            ("What is in /etc/passwd?", "What is in /etc/shadow?"), ("What does x = 1 mean?", "What does x == 1 mean?"),
            ("What does a += b do?", "What does a -= b do?"), ("Explain foo(bar)", "Explain foo[bar]"),
        ],
        "language": [
            ("Translate 'dog' into French.", "Translate 'dog' into German.", "Translate 'cat' into French."),
            ("How do I boil an egg?", "Wie koche ich ein Ei?", "Comment faire cuire un œuf ?"),
        ],
        "word of question": [
            ("When was Mozart born?", "Where was Mozart born?", "Why was Mozart born?"), ("How often should I water a cactus?", "How should I water a cactus?", "Should I water a cactus?"),
            ("Can I drink tap water here?", "How can I drink tap water here?", "Must I drink tap water here?"),
            ("What is a good wine?", "Who is a good wine?", "Is a good wine?"),
        ],
        "small word": [
            ("What is the matter?", "What is matter?", "What was the matter?"), ("List all primes below 20.", "List some primes below 20.", "List primes below 20 only."),
            ("What can I do for you?", "What can you do for me?"), ("What happens before sunset?", "What happens after sunset?"),
            ("Is my dog ill?", "Is your dog ill?", "Is his dog ill?"), ("Who won the race?", "Who wins the race?", "Who will win the race?"),
            ("Sit on the box.", "Sit in the box.", "Sit by the box."), ("Is it cold now?", "Is it cold?"),
        ],
        "manners": [
            ("How do I look?", "How to look?", "How do you look?", "How does one look?"), ("How do I feel today?", "How do you feel today?", "How to feel today?"),
            ("how to say thanks", "how to say please", "how to say"), ("Translate: yes, please", "Translate: yes", "Translate: yes. Thanks."),
            ("How can I help you?", "How can you help me?", "How can we help you?"), ("Is there a way to hell?", "What is the way to hell?", "How do I go to hell?"),
            ("With a knife, how do I fight a man?", "How do I fight a man with a knife?"), ("How could I be so stupid?", "How to be so stupid"),
            ("In France, who said he was born?", "Who said he was born in France?"), ("In Rome, how do I ask Bob to sing?", "How do I ask Bob to sing in Rome?"),
            ("Tell me how you can sing.", "Tell me how I can sing.", "Tell me how to sing."), ("You are there.", "You are there?"),
            ("How do I compare to Bob?", "How to compare to Bob"), ("Hi, I am Bob", "I am Bob"), ("Hello! Repeat that.", "Repeat that."),
        ],
        "capital": [("Where is turkey from?", "Where is Turkey from?"), ("Does it help us?", "Does it help US?"), ("What is a march?", "What is a March?")],
        "form of answer": [
            ("Explain gravity.", "Explain gravity in one sentence.", "Explain gravity to a child.", "Explain gravity in detail.", "Explain gravity briefly."),
            ("Name a planet.", "Name planets.", "Name the planets."), ("Write a poem about snow.", "Write a song about snow.", "Write me a poem about the snow in Rome."),
        ],
    },
    HELD_OUT: {
        "negation": [
            ("Which mushrooms are edible?", "Which mushrooms are inedible?", "Which mushrooms are not edible?"),
            ("Should I feed bread to ducks?", "Shouldn't I feed bread to ducks?", "Should I never feed bread to ducks?"),
            ("Hotels with a pool", "Hotels without a pool", "Hotels with no pool"), ("Is this mushroom toxic?", "Is this mushroom nontoxic?"),
            ("Name a bird that flies.", "Name a bird that doesn't fly.", "Name a bird that hardly flies."),
            ("Who agrees with the plan?", "Who disagrees with the plan?", "Nobody agrees with the plan?"),
        ],
        "number": [
            ("What is 7 times 8?", "What is 7 times 9?", "What is 77 times 8?"), ("Is 0.5 more than 0.05?", "Is 0.5 more than 0.55?"),
            ("What is new in Django 4.2?", "What is new in Django 5.2?", "What is new in Django 42?"),
            ("Give me five names for a cat.", "Give me six names for a cat.", "Give me names for a cat."),
            ("Who ruled in 1000 BC?", "Who ruled in 1000 AD?", "Who ruled in 100 BC?"), ("Is 30 °C warm?", "Is 30 °F warm?", "Is -30 °C warm?"),
            ("Summarise chapter IV.", "Summarise chapter VI."), ("Who won the first prize?", "Who won the second prize?"),
        ],
        "name": [
            ("What is the capital of Austria?", "What is the capital of Australia?"), ("Who wrote Emma?", "Who wrote Ulysses?"),
            ("Is Kia a good brand?", "Is Fiat a good brand?"), ("Tell me about George Bush.", "Tell me about George Bush senior.", "Tell me about Kate Bush."),
        ],
        "order": [
            ("Translate from Dutch to Czech.", "Translate from Czech to Dutch."), ("Is Rust faster than Go?", "Is Go faster than Rust?"),
            ("Why do sharks fear dolphins?", "Why do dolphins fear sharks?"), ("Subtract 4 from 9.", "Subtract 9 from 4."),
            ("Did Rome attack Carthage first?", "Did Carthage attack Rome first?"),
        ],
        "flag": [
            ("What does ls -l do?", "What does ls -L do?", "What does ls -1 do?"), ("Explain pip install --user", "Explain pip install --upgrade"),
            ("What is in ~/.ssh/config?", "What is in /etc/ssh/config?"), ("What does a && b mean?", "What does a || b mean?", "What does a & b mean?"),
            ("What does x++ do?", "What does x-- do?", "What does ++x do?"), ("Explain print(x)", "Explain print{x}"), ("Is a < b here?", "Is a > b here?"),
        ],
        "language": [
            ("Say hello in Polish.", "Say hello in Greek.", "Say goodbye in Polish."),
            ("What is love?", "Was ist Liebe?", "¿Qué es el amor?"), ("Wie alt ist Rom?", "Wie groß ist Rom?", "Wo ist Rom?"),
        ],
        "word of question": [
            ("Who invented the radio?", "When was the radio invented?", "Where did they invent the radio?"), ("How long should tea steep?", "How hot should tea steep?", "Why should tea steep?"),
            ("May I smoke here?", "Where may I smoke here?", "Should I smoke here?"), ("Is there a way to Rome?", "What is the way to Rome?"),
            ("How do planes fly?", "Do planes fly?", "How high do planes fly?"),
        ],
        "small word": [
            ("Who has the time?", "Who has time?", "Who had the time?"), ("Name every king of France.", "Name any king of France.", "Name a king of France."),
            ("What did he tell her?", "What did she tell him?"), ("Rest until noon?", "Rest from noon?", "Rest around noon?"),
            ("Is our house safe?", "Is their house safe?"), ("What did she say?", "What does she say?", "What would she say?"),
            ("Put it under the bed.", "Put it over the bed.", "Put it on the bed."), ("Are you there?", "Are you still there?", "Are you already there?"),
        ],
        "capital": [("How do I polish wood?", "How do I Polish wood?"), ("Who is a smith?", "Who is a Smith?"), ("Is it on the web?", "Is IT on the web?")],
        "form of answer": [
            ("Describe Venice.", "Describe Venice in ten words.", "Describe Venice as a pirate.", "Describe Venice at length.", "Describe Venice in Italian."),
            ("Name a fruit.", "Name fruits.", "Name another fruit."), ("Write a letter to my boss.", "Write an email to my boss.", "Write a letter to my boss, please keep it short."),
        ],
    },
}  # fmt: skip


def paraphrases(split: str, dice: random.Random) -> Iterator[Pair]:
    """Pairs with the same answer, as many of each kind."""
    topics, frames = TOPICS[split], FRAMES[split]
    kinds: dict[str, list[tuple[str, str]]] = {}
    for core, other, _, where, free in topics:
        for _ in range(40):
            one, two = dice.sample(frames, 2)
            tail = dice.choice(["", f" {where}"])
            kinds.setdefault("frame", []).append((one.format(core + tail), two.format(core + tail)))
            kinds.setdefault("surface", []).append((plain := one.format(core + tail), _surface(plain, split, dice)))
            kinds.setdefault("synonym", []).append((one.format(core + tail), one.format(other + tail)))
            first = f"{where[0].upper()}{where[1:]}, {one[0].lower()}{one[1:]}".replace(", i ", ", I ")
            kinds.setdefault("order", []).append((one.format(f"{core} {where}"), first.format(core)))
            kinds.setdefault("free", []).append((one.format(core + tail), free))
    for one, two, _ in FOREIGN[split]:
        kinds.setdefault("foreign", []).extend((one.format(thing), two.format(thing)) for thing in THINGS[split])
    for kind, found in kinds.items():
        unique = sorted({pair for pair in found if pair[0] != pair[1]})
        dice.shuffle(unique)
        for number in range(EACH):  # of the few that are foreign, each several times
            yield (split, 1, kind, *unique[number % len(unique)])


def _surface(text: str, split: str, dice: random.Random) -> str:
    how = dice.choice(SURFACES[split])
    if how == "LOWER":
        return text[0].lower() + text[1:]
    if how == "UPPER":
        return text[0].upper() + text[1:].rstrip("?.") + " ?"
    if how == "no question mark":
        return text.rstrip("?.")
    if how == "two blanks":
        return text.replace(" ", "  ", 2)
    return how.format(text)


def traps(split: str, dice: random.Random) -> Iterator[Pair]:
    """Pairs that look alike and have different answers."""
    for kind, rows in TRAPS[split].items():
        for row in rows:
            for one in row:
                for two in row:
                    if one != two:
                        yield split, 0, kind, one, two
    for core, _, opposite, where, _ in TOPICS[split]:
        for one in FRAMES[split]:
            two = dice.choice(FRAMES[split])
            yield split, 0, "opposite", one.format(core), two.format(opposite)
            yield split, 0, "negation", one.format(core), one.format(f"not {core}")
            other = dice.choice([topic for topic in TOPICS[split] if topic[3] != where])
            yield split, 0, "name", one.format(f"{core} {where}"), two.format(f"{core} {other[3]}")
            yield split, 0, "name", one.format(f"{core} {where}"), two.format(core)
            yield split, 0, "name", one.format(core), two.format(other[0])
            yield split, 0, "word of question", one.format(core), f"Why should I {core}?"
            yield split, 0, "word of question", one.format(core), f"When should I {core}?"
            yield split, 0, "form of answer", one.format(core), f"{one.format(core)} Answer in one word."
    for one, two, never in FOREIGN[split]:
        for thing in THINGS[split]:
            other_thing = dice.choice([other for other in THINGS[split] if other != thing])
            yield split, 0, "language", one.format(thing), never.format(thing)
            yield split, 0, "language", one.format(thing), two.format(other_thing)
            yield split, 0, "language", one.format(thing), dice.choice(FOREIGN[split])[0].format(other_thing)


def pairs() -> list[Pair]:
    """All pairs, always the same."""
    dice = random.Random(SEED)
    return [pair for split in (TUNED, HELD_OUT) for pair in (*paraphrases(split, dice), *traps(split, dice))]


def main() -> None:
    """Say how many there are of each kind."""
    found = pairs()
    for (split, label, kind), count in sorted(Counter(pair[:3] for pair in found).items()):
        print(f"{split:10} {'same' if label else 'other':6} {kind:20} {count}")
    print(len(found), "pairs")


if __name__ == "__main__":
    main()
