"""Pairs of questions by somebody who knew nothing of the rules that they measure. `python -m benchmarks.similar`.

Labelled `same` or `different`, with a kind, and made by a seed: `pairs(seed)`. The shares of the kinds were decided
before the generator was written. Of all pairs, 45 % are `same`: surface 18 (case, punctuation, apostrophes, spacing),
polite 19 (greeting, thanks, filler, opener), frame 22 (How do I, I need to, Can you tell me), typo 5 (one letter),
abbrev 5 (5 km and 5 kilometers), order 5, synonym 8, rewrite 8 (another wording altogether), foreign 10 (de fr es it
pt). The others are `different`: slot 40 (number, date, unit, place, name, version, option, person, and so on: the kind
is the slot's), direction 8, negation 9, constraint 9, quantity 7, question word 5, subset 4, tense 4, cause 3,
comparison 3, foreign 8; 45 % of them have identical frames, 25 % the same frame with another surface, 30 % another
frame and surface, as those that are `same` have.
"""

from __future__ import annotations

import difflib
import json
import random
import re
import sys
from collections import Counter

N_PAIRS = 2400
SAME_SHARE = 0.45
SAME = {
    "surface": 18,
    "polite": 19,
    "frame": 22,
    "typo": 5,
    "abbrev": 5,
    "order": 5,
    "synonym": 8,
    "rewrite": 8,
    "foreign": 10,
}
DIFF = {
    "slot": 40,
    "direction": 8,
    "negation": 9,
    "constraint": 9,
    "quantity": 7,
    "question-word": 5,
    "subset": 4,
    "tense": 4,
    "cause": 3,
    "comparison": 3,
    "foreign": 8,
}


# ---------------------------------------------------------------- word lists
# "a~b": b is another way of writing the same value
def L(s):
    return [x.strip() for x in s.split(";")]


# fmt: off
W = {
 "cl": ("codelang", L("Python;Java;JavaScript~JS;TypeScript~TS;C;C++~cpp;C#~C sharp;Go~Golang;Rust;Ruby;PHP;Kotlin;Swift;Perl;Scala;Lua;Haskell;R")),
 "db": ("product", L("PostgreSQL~Postgres;MySQL;SQLite;MariaDB;Oracle;SQL Server~MSSQL")),
 "pyver": ("version", L("Python 3.8;Python 3.9;Python 3.10;Python 3.11;Python 3.12;Python 2.7")),
 "ubver": ("version", L("Ubuntu 18.04;Ubuntu 20.04;Ubuntu 22.04;Ubuntu 24.04;Debian 11;Debian 12;Fedora 39;Fedora 40")),
 "winver": ("version", L("Windows 7;Windows 8;Windows 10~Win 10;Windows 11~Win 11")),
 "os": ("product", L("Windows;macOS~Mac OS;Linux;Android;iOS;FreeBSD;Chrome OS")),
 "ext": ("filetype", L("CSV;JSON;XML;YAML~YML;PDF;Excel~xlsx;TOML;Parquet;Markdown;HTML;INI")),
 "img": ("filetype", L("PNG;JPG~JPEG;GIF;WebP;SVG;BMP;TIFF;HEIC")),
 "vid": ("filetype", L("MP4;MKV;AVI;MOV;WebM;FLV")),
 "arc": ("filetype", L("zip;tar.gz;rar;7z;tar.bz2;tar.xz")),
 "col": ("content", L("list;array;dictionary;string;set;queue;linked list;binary tree;tuple;stack")),
 "seq": ("content", L("list of strings;list of integers~list of ints;list of floats;list of dates;list of objects;list of tuples")),
 "pkg": ("product", L("numpy;pandas;requests;flask;django;pytest;pytorch;scipy;black;matplotlib;seaborn")),
 "tool": ("product", L("Docker;Node.js~Node;nginx;Git;Redis;Kubernetes~k8s;Jenkins;Apache;Postgres;MongoDB~Mongo")),
 "service": ("product", L("nginx;apache;mysql;docker;ssh;redis;cron")),
 "port": ("number", L("80;8080;3000;443;8000;5432;22;5000")),
 "size": ("number", L("100 MB~100 megabytes;10 MB~10 megabytes;1 GB~1 gigabyte;500 MB~500 megabytes;50 KB~50 kilobytes;1 MB~1 megabyte;5 GB~5 gigabytes")),
 "days": ("number", L("3 days~three days;7 days~seven days;30 days;10 days~ten days;90 days;2 days~two days;60 days")),
 "mins": ("number", L("5 minutes~5 min;10 minutes~10 min;15 minutes~15 mins;50 minutes~50 min;20 minutes~20 mins;30 minutes~30 min")),
 "grepf": ("option", L("-r;-i;-v;-c;-l;-n;-w;-o;-E;-A")),
 "lsf": ("option", L("-a;-l;-h;-t;-R;-S;-r;-1")),
 "tarf": ("option", L("-x;-c;-t;-z;-j;-v;-C;-p")),
 "curlf": ("option", L("-L;-o;-O;-I;-d;-H;-X;-k;-s;-u")),
 "gitf": ("option", L("--hard;--soft;--mixed;--keep;--merge")),
 "rsyncf": ("option", L("-a;-z;-P;--delete;-n;-u;--exclude;--checksum")),
 "cmd": ("content", L("grep;sed;awk;find;chmod;chown;xargs;rsync;cut;sort;uniq;tail;head;crontab;scp;ssh")),
 "branch": ("name", L("main;master;develop;staging;release;feature-login")),
 "country": ("place", L("France;Germany;Spain;Italy;Portugal;Austria;Australia;Sweden;Switzerland;Slovenia;Slovakia;Norway;Japan;Brazil;Canada;Mexico;India;Indonesia;Iran;Iraq;Kenya;Poland;Peru;Niger;Nigeria;Egypt;Chile;China;Thailand;Taiwan")),
 "city": ("place", L("Paris;London;Berlin;Rome;Madrid;Lisbon;Vienna;Venice;Prague;Munich;Barcelona;Amsterdam;New York~NYC;Los Angeles~LA;Tokyo;Kyoto;Osaka;Sydney;San Francisco~SF;San Diego;Toronto;Dublin;Budapest;Bucharest;Istanbul;Bangkok;Boston;Austin")),
 "month": ("date", L("January~Jan;February~Feb;March;April;May;June;July;August~Aug;September~Sept;October~Oct;November~Nov;December~Dec")),
 "year": ("date", L("1914;1941;1945;1968;1969;1989;1990;1998;2001;2008;2010;2016;2018;2020;2022;2023;2024")),
 "season": ("date", L("spring;summer;autumn~fall;winter")),
 "lang": ("language", L("French;German;Spanish;Italian;Portuguese;Japanese;Chinese;Korean;Russian;Arabic;Dutch;Polish;Finnish;Danish;Swedish;Turkish;Latin;Hindi")),
 "phrase": ("content", L("good morning;good night;good evening;thank you very much;I miss you;I love you;where is the bathroom;where is the train station;how much does it cost;see you tomorrow;see you later;happy birthday;I am hungry;I am thirsty;the bill please;I don't understand;I don't speak the language")),
 "dish": ("content", L("lasagna;risotto;pad thai;banana bread;carrot cake;cheesecake;chicken soup;chicken curry;beef stew;pancakes;waffles;guacamole;hummus;ratatouille;tiramisu;fried rice;french onion soup;tomato soup;apple pie;pumpkin pie;meatballs;veggie burgers;sourdough bread;pizza dough")),
 "food": ("content", L("chicken breast;chicken thighs;salmon;cod;brown rice;white rice;quinoa;lentils;black beans;asparagus;broccoli;sweet potatoes;potatoes;pork chops;pork belly;a turkey;a ham;eggplant;cauliflower")),
 "ingr": ("content", L("butter;eggs;buttermilk;heavy cream;sour cream;baking powder;baking soda;cornstarch;brown sugar;honey;soy sauce;vanilla extract;yeast;white wine")),
 "fruit": ("content", L("banana;apple;avocado;mango;pear;peach;orange;pineapple;cup of rice;slice of bread;boiled egg;tablespoon of olive oil~tbsp of olive oil")),
 "nutr": ("quantity", L("calories;grams of protein;grams of sugar;grams of fat;carbs;milligrams of sodium~mg of sodium")),
 "appl": ("content", L("oven;air fryer;slow cooker;microwave;pressure cooker;grill")),
 "mass": ("unit", L("grams~g;kilograms~kg;pounds~lbs;ounces~oz;milligrams~mg;stones;tons")),
 "len": ("unit", L("meters~m;kilometers~km;miles;feet~ft;inches~in.;centimeters~cm;millimeters~mm;yards~yd")),
 "vol": ("unit", L("liters~l;milliliters~ml;cups;gallons;pints;fluid ounces~fl oz;tablespoons~tbsp;teaspoons~tsp")),
 "temp": ("unit", L("Celsius;Fahrenheit;Kelvin")),
 "tim": ("unit", L("seconds~secs;minutes~mins;hours~hrs;days;weeks;years")),
 "cur": ("unit", L("US dollars~USD;euros~EUR;British pounds~GBP;yen~JPY;Swiss francs~CHF;Canadian dollars~CAD;Australian dollars~AUD;Indian rupees~INR")),
 "drug": ("content", L("ibuprofen;paracetamol;aspirin;amoxicillin;metformin;omeprazole;sertraline;naproxen;lisinopril;melatonin;antihistamines;prednisone")),
 "cond": ("content", L("a cold;the flu;a migraine;a fever;heartburn;a sore throat;food poisoning;hay fever;insomnia;anemia;high blood pressure;low blood pressure;type 1 diabetes;type 2 diabetes;hypothyroidism;hyperthyroidism;eczema;back pain;neck pain")),
 "vit": ("content", L("vitamin A;vitamin B12;vitamin C;vitamin D;vitamin E;vitamin K;iron;magnesium;zinc;calcium")),
 "body": ("content", L("left knee;right knee;lower back;upper back;ankle;wrist;shoulder;elbow;hip;left arm;right arm")),
 "who": ("person", L("a toddler;a newborn;a pregnant woman;a teenager;an adult man;an elderly person;a dog;a cat")),
 "rel": ("person", L("my boss;my landlord;my tenant;my sister;my brother;my mother;my father;my teacher;my neighbor;a client;a colleague;my wife;my husband;my ex")),
 "party": ("person", L("landlord;tenant;employer;employee;neighbor;roommate;contractor;ex-husband;ex-wife")),
 "doc": ("content", L("cover letter;resignation letter;thank-you note;wedding toast;complaint letter;recommendation letter;birthday card message;LinkedIn post;out-of-office message;meeting agenda")),
 "wform": ("content", L("poem;haiku;short story;song;limerick;essay;blog post;speech;product review")),
 "wtop": ("content", L("the sea;autumn leaves;friendship;my grandmother;climate change;remote work;a lost dog;space travel;old age;coffee;the first day of school")),
 "tone": ("content", L("formal;informal;friendly;angry;apologetic;persuasive;funny")),
 "book": ("name", L("War and Peace;Anna Karenina;Pride and Prejudice;Crime and Punishment;1984;Animal Farm;Moby-Dick;Don Quixote;The Great Gatsby;Hamlet;Macbeth;Jane Eyre;Wuthering Heights;Brave New World")),
 "film": ("name", L("Titanic;Jaws;Alien;Aliens;Inception;The Godfather;Casablanca;Psycho;Vertigo;Pulp Fiction;Gladiator;The Matrix")),
 "pers": ("name", L("Albert Einstein;Isaac Newton;Marie Curie;Pierre Curie;Charles Darwin;Alan Turing;Ada Lovelace;Nikola Tesla;Galileo Galilei;Johannes Kepler;Rosa Parks;Nelson Mandela;Leonardo da Vinci;Frida Kahlo;Diego Rivera")),
 "planet": ("name", L("Mercury;Venus;Mars;Jupiter;Saturn;Uranus;Neptune")),
 "river": ("name", L("Nile;Amazon;Danube;Rhine;Rhone;Thames;Mississippi;Yangtze;Volga;Congo")),
 "mount": ("name", L("Mount Everest~Mt. Everest;K2;Kilimanjaro;Mont Blanc;Mount Fuji~Mt. Fuji;Denali;the Matterhorn;Mount Etna~Mt. Etna")),
 "continent": ("place", L("Africa;Europe;Asia;South America;North America")),
 "phone": ("product", L("iPhone 13;iPhone 14;iPhone 15;iPhone 15 Pro;iPhone SE;Pixel 7;Pixel 8;Pixel 8a;Galaxy S22;Galaxy S23;Galaxy S24;OnePlus 12")),
 "laptop": ("product", L("MacBook Air;MacBook Pro;ThinkPad X1;Dell XPS 13;Dell XPS 15;Surface Pro;Surface Laptop;Framework 13;Framework 16;HP Spectre")),
 "gadget": ("product", L("headphones;earbuds;laptop;tablet;smartwatch;e-reader;espresso machine;vacuum cleaner;robot vacuum;monitor;mechanical keyboard;office chair;air purifier;dehumidifier;humidifier;running shoes;hiking boots")),
 "price": ("number", L("$50;$100;$150;$200;$500;$1000~$1,000;$1500~$1,500;$2000~$2,000")),
 "concept": ("content", L("photosynthesis;cellular respiration;mitosis;meiosis;inflation;deflation;recursion;iteration;gravity;magnetism;evolution;osmosis;diffusion;quantum entanglement;supply and demand;compound interest;simple interest;blockchain;machine learning;deep learning")),
 "shape": ("content", L("circle;square;triangle;trapezoid;rectangle;hexagon;ellipse;parallelogram")),
 "solid": ("content", L("sphere;cube;cylinder;cone;pyramid;torus")),
 "fn": ("content", L("x^2;x^3;sin(x);cos(x);tan(x);e^x;ln(x);1/x;x*sin(x);x*e^x;sqrt(x)")),
 "visa": ("content", L("tourist visa;student visa;work visa;business visa;transit visa;digital nomad visa")),
 "natl": ("person", L("US citizen;UK citizen;Canadian citizen;German citizen;Indian citizen;Australian citizen;Brazilian citizen")),
 "state": ("place", L("California;Texas;Florida;New York;Washington;Oregon;Nevada;Arizona;Virginia;West Virginia;North Carolina;South Carolina;Ohio;Iowa")),
 "legal": ("content", L("a will;a prenup;a power of attorney;a lease agreement;an NDA;a trademark;a patent;a copyright;an LLC;a restraining order")),
 "lawact": ("content", L("record a phone call;carry a pocket knife;collect rainwater;fly a drone;grow cannabis at home;keep chickens in the backyard;sleep in a car;homeschool children;ride an e-bike on the sidewalk;film the police;turn right on red")),
 "plant": ("content", L("tomatoes;basil;lavender;mint;roses;orchids;succulents;peppers;strawberries;blueberries;garlic;onions")),
 "app": ("product", L("Excel;Google Sheets;Word;Google Docs;PowerPoint;Outlook;Gmail;Photoshop;Slack;Notion;Zoom")),
 "acct": ("product", L("Netflix;Spotify;Facebook;Instagram;Amazon;Google;LinkedIn;Twitter;TikTok;WhatsApp;PayPal")),
 "xlop": ("content", L("row;column;cell;sheet;chart;pivot table;comment;filter")),
 "mode": ("content", L("train;bus;car;plane;bike;ferry")),
 "job": ("content", L("nurse;lawyer;software engineer;data scientist;data analyst;pilot;plumber;electrician;teacher;accountant;project manager;product manager")),
 "war": ("name", L("World War I~WWI;World War II~WWII;the Korean War;the Vietnam War;the American Civil War;the Spanish Civil War;the Cold War;the Gulf War")),
 "sport": ("content", L("the FIFA World Cup;the Women's World Cup;the Super Bowl;the Champions League final;the NBA finals;the Tour de France;the US Open;the Australian Open;Wimbledon")),
 "skill": ("content", L("guitar;piano;violin;chess;drums;ukulele;poker;tennis;badminton")),
}
NUM = re.compile(r"num(\d+)_(\d+)$")

# ---------------------------------------------------------------- templates
# text: {type} or {type.a}; [x|y] synonyms; ^ begins a trailing adjunct that may be fronted;
# leading "=" : a whole message, takes no frame;  direct||indirect for questions
T = []
def how(topic, *p, **k): T.append(dict(form="how", topic=topic, p=list(p), **k))
def q(topic, *p, **k): T.append(dict(form="q", topic=topic, p=list(p), **k))
def do(topic, *p, **k): T.append(dict(form="do", topic=topic, p=list(p), **k))

# --- programming
how("prog", "[reverse|flip] a {col} ^in {cl}", "=reverse {col} {cl}", "=what {cl} code reverses a {col}?", cause=["check whether a {col} is reversed ^in {cl}"])
how("prog", "[remove|delete|drop] duplicates from a {seq} ^in {cl}", "[dedupe|deduplicate] a {seq} ^in {cl}", "=remove duplicates {seq} {cl}", neg=["keep only duplicates in a {seq} ^in {cl}"], subset=["remove the first duplicate from a {seq} ^in {cl}"], qty=["count duplicates in a {seq} ^in {cl}"])
how("prog", "sort a {seq} in [descending|decreasing] order ^in {cl}", "=sort {seq} descending {cl}", "sort a {seq} from largest to smallest ^in {cl}", dir=["sort a {seq} in ascending order ^in {cl}", "sort a {seq} in increasing order ^in {cl}"], neg=["check that a {seq} is not sorted in descending order ^in {cl}"])
how("prog", "[convert|transform|turn] {ext.a} [to|into] {ext.b} ^in {cl}", "=convert {ext.a} to {ext.b} {cl}", "=is there an easy way of converting {ext.a} to {ext.b} in {cl}?", swap="ext")
how("prog", "[read|load|open] a {ext} file ^in {cl}", "=read {ext} file {cl}", dir=["write a {ext} file ^in {cl}"], neg=["check that a file is not {ext} ^in {cl}"], subset=["read only the first line of a {ext} file ^in {cl}"])
how("prog", "[check|test|see] if a {col} is empty ^in {cl}", "=check if {col} is empty {cl}", "find out whether a {col} is empty ^in {cl}", neg=["check if a {col} is not empty ^in {cl}"], dir=["empty a {col} ^in {cl}"])
how("prog", "[add|append] an element to a {col} ^in {cl}", dir=["remove an element from a {col} ^in {cl}"], subset=["add several elements to a {col} ^in {cl}"], qty=["count the elements of a {col} ^in {cl}"])
how("prog", "[get|find|retrieve] the last element of a {col} ^in {cl}", dir=["get the first element of a {col} ^in {cl}"], subset=["get all but the last element of a {col} ^in {cl}"], neg=["get a {col} without its last element ^in {cl}"])
how("prog", "parse a date string ^in {cl}", "turn a string into a date ^in {cl}", dir=["format a date as a string ^in {cl}"], qty=["get the number of days between two dates ^in {cl}"])
how("prog", "[make|send] an HTTP GET request ^in {cl}", "=http get request {cl}", dir=["send an HTTP POST request ^in {cl}"], neg=["send an HTTP GET request without following redirects ^in {cl}"])
how("prog", "[catch|handle] an exception ^in {cl}", dir=["throw an exception ^in {cl}"], neg=["ignore an exception ^in {cl}"], subset=["catch all exceptions ^in {cl}"])
how("dev", "install {pkg} ^on {os}", "get {pkg} installed ^on {os}", "=install {pkg} {os}", dir=["uninstall {pkg} ^on {os}"], neg=["install {pkg} without pip ^on {os}"], subset=["install {pkg} for a single user ^on {os}"])
how("dev", "[upgrade|update|move] from {pyver.a} to {pyver.b}", swap="pyver")
how("dev", "migrate a database from {db.a} to {db.b}", "[move|transfer] my data from {db.a} to {db.b}", swap="db")
how("dev", "[rename|change the name of] a column ^in {db}", dir=["drop a column ^in {db}"], subset=["rename all columns ^in {db}"], neg=["change a column's type but not its name ^in {db}"])
how("dev", "[add|create] an index ^in {db}", dir=["drop an index ^in {db}"], qty=["see how many indexes a table has ^in {db}"])
how("prog", "rewrite a {cl.a} function in {cl.b}", "port a function from {cl.a} to {cl.b}", "translate a {cl.a} function [to|into] {cl.b}", swap="cl")
q("prog", "what's the difference between a {col.a} and a {col.b} in {cl}?||what the difference between a {col.a} and a {col.b} in {cl} is", "how does a {col.a} differ from a {col.b} in {cl}?", "={col.a} vs {col.b} {cl}", sym="col", c=1, cmp=["what do a {col.a} and a {col.b} have in common in {cl}?", "which is faster, a {col.a} or a {col.b} in {cl}?"])
q("prog", "is {cl.a} faster than {cl.b}?||if {cl.a} is faster than {cl.b}", "does {cl.a} run faster than {cl.b}?", swap="cl", cmp=["is {cl.a} easier to learn than {cl.b}?", "is {cl.a} better paid than {cl.b}?"], cause=["why is {cl.a} faster than {cl.b}?"], neg=["is {cl.a} never faster than {cl.b}?"])
q("prog", "should I [learn|study] {cl.a} or {cl.b} [first|to begin with]?||if I should learn {cl.a} or {cl.b} first", sym="cl", cmp=["which pays better, {cl.a} or {cl.b}?", "which is faster, {cl.a} or {cl.b}?"], tense=["should I have learned {cl.a} or {cl.b} first?"])
q("prog", "when was {cl} [first released|created]?||when {cl} was first released", "=release date of {cl}", qty=["how many people use {cl}?"], tense=["when will the next version of {cl} be released?"], cause=["why was {cl} created?"])
q("prog", "what are the new features of {pyver}?||what the new features of {pyver} are", "what's new in {pyver}?", "which features were added in {pyver}?", dir=["which features were removed in {pyver}?"], qty=["how many new features does {pyver} have?"], neg=["which new features are not in {pyver} yet?"], tense=["which features will be added after {pyver}?"])
do("prog", "write a {cl} function that [checks|tests] whether a [number|given number] is prime", "write a function in {cl} to determine if a number is prime", qty=["write a {cl} function that counts the primes below a number"], neg=["write a {cl} function that checks whether a number is not prime"], subset=["write a {cl} function that returns all primes below a number"])
do("prog", "write a {cl} [function|method] that returns the [sum|total] of a {seq}", neg=["write a {cl} function that returns the sum of a {seq} except the first"], qty=["write a {cl} function that returns the average of a {seq}"], dir=["write a {cl} function that subtracts all numbers of a {seq} from 100"])
do("prog", "write unit tests for this {cl} [function|class]", neg=["write this {cl} function so that it needs no unit tests"], subset=["write a single unit test for this {cl} function"])
do("prog", "explain how a {col} works in {cl}", "give me an explanation of how a {col} works in {cl}", neg=["explain why not to use a {col} in {cl}"], cause=["explain why a {col} is slow in {cl}"])

# --- shell
how("shell", "[find|list|locate] files larger than {size} ^on {os}", "search for files bigger than {size} ^on {os}", "=find files larger than {size} {os}", dir=["find files smaller than {size} ^on {os}", "delete files larger than {size} ^on {os}"], qty=["count files larger than {size} ^on {os}"], neg=["find files not larger than {size} ^on {os}"])
how("shell", "[delete|remove|erase] files older than {days} ^on {os}", "=delete files older than {days} {os}", dir=["delete files newer than {days} ^on {os}"], neg=["delete all files except those older than {days} ^on {os}"], qty=["count files older than {days} ^on {os}"], subset=["delete only log files older than {days} ^on {os}"])
how("shell", "kill the process [running on|using|listening on] port {port} ^on {os}", "=kill process on port {port} {os}", "stop whatever is using port {port} ^on {os}", dir=["start a process on port {port} ^on {os}"], qty=["see which process uses port {port} ^on {os}"], neg=["free port {port} without killing the process ^on {os}"])
how("shell", "[open|allow] port {port} ^on {ubver}", dir=["close port {port} ^on {ubver}", "block port {port} ^on {ubver}"], subset=["open all ports except {port} ^on {ubver}"])
how("shell", "[extract|unpack|uncompress] a {arc} file ^on {os}", "=extract {arc} {os}", dir=["create a {arc} file ^on {os}"], subset=["extract a single file from a {arc} file ^on {os}"], neg=["view a {arc} file without extracting it ^on {os}"], qty=["see the size of a {arc} file ^on {os}"])
how("shell", "[start|launch] the {service} service ^on {ubver}", dir=["stop the {service} service ^on {ubver}", "restart the {service} service ^on {ubver}"], neg=["prevent the {service} service from starting ^on {ubver}"])
how("shell", "install {tool} ^on {ubver}", "set up {tool} ^on {ubver}", "=install {tool} {ubver}", dir=["uninstall {tool} ^on {ubver}", "remove {tool} ^from {ubver}"], neg=["install {tool} without root ^on {ubver}"])
how("shell", "[upgrade|update] from {ubver.a} to {ubver.b}", swap="ubver")
how("shell", "[copy|transfer] a folder from {os.a} to {os.b}", swap="os", subset=["copy a single file from {os.a} to {os.b}"])
how("shell", "merge the {branch.a} branch into {branch.b} ^in git", swap="branch", neg=["merge the {branch.a} branch into {branch.b} without a merge commit ^in git"])
how("shell", "[delete|remove] the {branch} branch ^in git", "=git delete branch {branch}", dir=["create the {branch} branch ^in git", "restore the {branch} branch ^in git"], subset=["delete all branches except {branch} ^in git"], neg=["delete every branch but not {branch} ^in git"])
how("shell", "undo the last {num2_9} commits but keep my changes ^in git", "=git undo last {num2_9} commits keep changes", neg=["undo the last {num2_9} commits and throw away my changes ^in git"], dir=["redo the last {num2_9} commits ^in git"], qty=["show the last {num2_9} commits ^in git"])
q("shell", "what does grep {grepf} do?||what grep {grepf} does", "what's the {grepf} [flag|option] of grep for?", "=grep {grepf} meaning", code=1, c=1)
q("shell", "what does ls {lsf} do?||what ls {lsf} does", "what's the meaning of the {lsf} option of ls?", code=1, c=1)
q("shell", "what does tar {tarf} do?||what tar {tarf} does", "what's the {tarf} [flag|option] of tar for?", code=1, c=1)
q("shell", "what does curl {curlf} do?||what curl {curlf} does", "what's the {curlf} [flag|option] of curl for?", code=1, c=1)
q("shell", "what does the {rsyncf} [option|flag] of rsync do?||what the {rsyncf} option of rsync does", code=1, c=1, neg=["what does rsync do without the {rsyncf} option?"])
q("shell", "what's the difference between git reset {gitf.a} and git reset {gitf.b}?||what the difference between git reset {gitf.a} and git reset {gitf.b} is", "=git reset {gitf.a} vs {gitf.b}", sym="gitf", code=1, c=1)
q("shell", "what's the {cmd} command [used for|for]?||what the {cmd} command is for", "what does the {cmd} command do?", c=1, neg=["when should I not use the {cmd} command?"], cause=["why is the {cmd} command so slow?"], tense=["what did the {cmd} command do in the first Unix?"])
do("shell", "write a bash script that [deletes|removes] {ext} files older than {days}", dir=["write a bash script that deletes {ext} files newer than {days}"], neg=["write a bash script that deletes everything except {ext} files older than {days}"], qty=["write a bash script that counts {ext} files older than {days}"])
do("shell", "write a cron job that runs every {mins}", "give me a crontab line for every {mins}", neg=["write a cron job that runs every {mins} except on weekends"], subset=["write a cron job that runs once after {mins}"])
how("media", "convert {img.a} [to|into] {img.b} ^on {os}", "[change|turn] a {img.a} image into a {img.b} ^on {os}", "=convert {img.a} to {img.b} {os}", swap="img", subset=["convert a folder of {img.a} files to {img.b} ^on {os}"])
how("media", "convert {vid.a} to {vid.b} ^with ffmpeg", "=ffmpeg {vid.a} to {vid.b}", swap="vid", neg=["convert {vid.a} to {vid.b} without re-encoding ^with ffmpeg"])

# --- apps / products
how("product", "[delete|remove|close] my {acct} account", "get rid of my {acct} account", "=delete {acct} account", dir=["create a {acct} account", "recover my {acct} account"], neg=["log out without deleting my {acct} account"], tense=["find out when I deleted my {acct} account"])
how("product", "[change|update] my {acct} password", "=change {acct} password", dir=["find my current {acct} password"], subset=["change my {acct} username"])
how("product", "[insert|add] a {xlop} ^in {app}", dir=["delete a {xlop} ^in {app}"], neg=["hide a {xlop} without deleting it ^in {app}"], subset=["insert several {xlop}s at once ^in {app}"], qty=["count every {xlop} ^in {app}"])
how("product", "take a screenshot ^on {winver}", "[capture|screenshot] my screen ^on {winver}", "=screenshot {winver}", dir=["paste a screenshot ^on {winver}"], subset=["take a screenshot of a single window ^on {winver}"], neg=["block screenshots ^on {winver}"])
how("product", "[turn off|disable|switch off] automatic updates ^on {winver}", "stop automatic updates ^on {winver}", dir=["turn on automatic updates ^on {winver}", "enable automatic updates ^on {winver}"])
how("product", "[transfer|move] photos from my {phone.a} to my {phone.b}", swap="phone", subset=["transfer only my contacts from my {phone.a} to my {phone.b}"])
how("product", "reset my {phone}", "do a reset of my {phone}", neg=["reset my {phone} without losing data"], dir=["back up my {phone}"])
q("product", "what's the best {gadget} under {price}?||what the best {gadget} under {price} is", "which {gadget} under {price} is [the best|best]?", "=best {gadget} under {price}", "can you recommend {gadget} for less than {price}?", dir=["what's the best {gadget} over {price}?"], neg=["which {gadget} under {price} should I avoid?"], qty=["how long does {gadget} under {price} last?"], noart=1)
q("product", "is the {phone.a} better than the {phone.b}?||if the {phone.a} is better than the {phone.b}", cmp=["is the {phone.a} cheaper than the {phone.b}?", "is the {phone.a} lighter than the {phone.b}?"], cause=["why is the {phone.a} better than the {phone.b}?"])
q("product", "how much does the {laptop} [cost|sell for]?||how much the {laptop} costs", "what's the price of the {laptop}?", "=price {laptop}", qty=["how much does the {laptop} weigh?", "how much memory does the {laptop} have?"], tense=["how much did the {laptop} cost at launch?", "how much will the {laptop} cost next year?"], cause=["why does the {laptop} cost so much?"])
q("product", "is the {laptop.a} [lighter|less heavy] than the {laptop.b}?||if the {laptop.a} is lighter than the {laptop.b}", swap="laptop", cmp=["is the {laptop.a} faster than the {laptop.b}?", "is the {laptop.a} heavier than the {laptop.b}?"])
q("product", "what's the difference between the {laptop.a} and the {laptop.b}?||what the difference between the {laptop.a} and the {laptop.b} is", "how do the {laptop.a} and the {laptop.b} differ?", "={laptop.a} vs {laptop.b}", sym="laptop", c=1, cmp=["which is cheaper, the {laptop.a} or the {laptop.b}?", "which is older, the {laptop.a} or the {laptop.b}?"])
q("product", "how long does the battery of the {phone} last?||how long the battery of the {phone} lasts", "what's the battery life of the {phone}?", "=battery life {phone}", qty=["how long does it take to charge the {phone}?", "how much does a new battery for the {phone} cost?"], cause=["why does the battery of the {phone} drain so fast?"])

# --- cooking
how("cook", "[make|prepare|cook] {dish}", "=what's a good recipe for {dish}?", "=recipe for {dish}", "=can you give me a {dish} recipe?", neg=["stop {dish} from going bad"], qty=["tell how many calories {dish} has"], dir=["freeze {dish}", "thaw frozen {dish}"])
how("cook", "[make|prepare] {dish} for {num2_12} people", "=recipe for {dish} for {num2_12} people", "=what's a recipe for {dish} that [serves|feeds] {num2_12}?")
how("cook", "cook {food} ^in the {appl}", "=what's the way of cooking {food} in the {appl}?", "=cook {food} {appl}", dir=["reheat {food} ^in the {appl}", "thaw {food} ^in the {appl}"], neg=["avoid overcooking {food} ^in the {appl}"])
q("cook", "how long should I cook {food} in the {appl}?||how long I should cook {food} in the {appl}", "how long does {food} [take|need] in the {appl}?", "={food} {appl} cooking time", qty=["at what temperature should I cook {food} in the {appl}?", "how much {food} fits in the {appl}?"], tense=["how long should I have cooked {food} in the {appl}?"], dir=["how long should I let {food} rest before cooking it in the {appl}?"])
q("cook", "what can I use instead of {ingr}?||what I can use instead of {ingr}", "what's a [good|decent] substitute for {ingr}?", "={ingr} substitute", "what can I replace {ingr} with?", dir=["what can I replace with {ingr}?"], neg=["what should I not use instead of {ingr}?"], cause=["why do recipes call for {ingr}?"])
q("cook", "can I use {ingr.a} instead of {ingr.b}?||if I can use {ingr.a} instead of {ingr.b}", "is it okay to [replace|substitute] {ingr.b} with {ingr.a}?", swap="ingr", qty=["how much {ingr.a} should I use instead of {ingr.b}?"], cause=["why can I use {ingr.a} instead of {ingr.b}?"])
q("cook", "how many {nutr} are in [a|one] {fruit}?||how many {nutr} are in a {fruit}", "how many {nutr} does a {fruit} [have|contain]?", "={nutr} in a {fruit}", subset=["how many {nutr} are in half a {fruit}?"])
q("cook", "can you freeze {dish}?||if you can freeze {dish}", "is it possible to freeze {dish}?", "does {dish} freeze well?", qty=["how long can you freeze {dish}?"], dir=["can you reheat {dish}?"], cause=["why does {dish} get watery when frozen?"], neg=["can you store {dish} without freezing it?"])
q("cook", "how long does {dish} keep in the fridge?||how long {dish} keeps in the fridge", "how long [can I keep|does one keep] {dish} in the fridge?", dir=["how long does {dish} keep in the freezer?", "how long does {dish} keep outside the fridge?"], cause=["why does {dish} go bad in the fridge?"])

# --- travel / geography
how("travel", "get from {city.a} to {city.b} ^by {mode}", "[travel|go] from {city.a} to {city.b} ^by {mode}", "={city.a} to {city.b} by {mode}", swap="city", neg=["get from {city.a} to {city.b} ^without a {mode}"])
q("travel", "how long does it take to get from {city.a} to {city.b} by {mode}?||how long it takes to get from {city.a} to {city.b} by {mode}", "how long is the [trip|journey] from {city.a} to {city.b} by {mode}?", swap="city", qty=["how much does it cost to get from {city.a} to {city.b} by {mode}?", "how many kilometers is it from {city.a} to {city.b} by {mode}?"], tense=["how long did it take to get from {city.a} to {city.b} by {mode} in 1950?"])
q("travel", "what time does the last train from {city.a} to {city.b} leave?||what time the last train from {city.a} to {city.b} leaves", "when does the last train from {city.a} to {city.b} [depart|leave]?", "=last train {city.a} to {city.b}", swap="city", dir=["what time does the first train from {city.a} to {city.b} leave?", "what time does the last train from {city.a} to {city.b} arrive?"])
q("geo", "what's the distance between {city.a} and {city.b}?||what the distance between {city.a} and {city.b} is", "how far is it from {city.a} to {city.b}?", "how far apart are {city.a} and {city.b}?", "=distance {city.a} {city.b}", sym="city", qty=["what's the time difference between {city.a} and {city.b}?", "how long is the flight between {city.a} and {city.b}?"], cmp=["which is larger, {city.a} or {city.b}?"])
q("travel", "what's the best time [of the year|of year] to visit {city}?||what the best time of year to visit {city} is", "when is the best time to [visit|go to] {city}?", "=best time to visit {city}", neg=["when should I not visit {city}?", "what's the worst time of year to visit {city}?"], qty=["how much time do I need to visit {city}?"], cause=["why should I visit {city}?"])
q("travel", "what's the weather like in {city} in {month}?||what the weather is like in {city} in {month}", "how's the weather in {city} in {month}?", "=weather {city} {month}", tense=["what was the weather like in {city} last {month}?", "what will the weather be like in {city} next {month}?"], qty=["how much does it rain in {city} in {month}?"])
q("travel", "what should I pack for a trip to {country} in {season}?||what I should pack for a trip to {country} in {season}", "what do I need to [pack|bring] for {country} in {season}?", "=packing list {country} {season}", neg=["what should I not pack for a trip to {country} in {season}?"], tense=["what should I have packed for my trip to {country} last {season}?"], qty=["how much luggage should I pack for a trip to {country} in {season}?"])
do("travel", "[plan|make] a {num2_14} day itinerary for {city}", "create a {num2_14}-day travel plan for {city}", "=I'm spending {num2_14} days in {city}, [make|plan] me an itinerary", neg=["plan a {num2_14} day itinerary for {city} without museums"])
do("travel", "[recommend|suggest] some [restaurants|places to eat] in {city}", "=where should I eat in {city}?", "=good restaurants in {city}", neg=["list restaurants to avoid in {city}"], subset=["recommend some vegan restaurants in {city}"], qty=["tell me how many restaurants there are in {city}"])
q("travel", "does a {natl} need a {visa} for {country}?||if a {natl} needs a {visa} for {country}", "is a {visa} [required|needed] for a {natl} going to {country}?", qty=["how much does a {visa} for {country} cost for a {natl}?", "how long is a {visa} for {country} valid for a {natl}?"], tense=["did a {natl} need a {visa} for {country} in 2010?"], cause=["why does a {natl} need a {visa} for {country}?"])
q("geo", "what's the capital of {country}?||what the capital of {country} is", "which city is the capital of {country}?", "=capital of {country}", "=capital city {country}", dir=["what's the largest city of {country}?"], qty=["how many people live in the capital of {country}?"], tense=["what was the capital of {country} in 1900?"], neg=["what's the largest city of {country} that is not the capital?"])
q("geo", "what's the population of {country}?||what the population of {country} is", "how many people live in {country}?", "=population {country}", qty=["what's the area of {country}?", "what's the population density of {country}?"], tense=["what was the population of {country} in 1950?", "what will the population of {country} be in 2050?"], subset=["what's the population of the largest city in {country}?"], cause=["why is the population of {country} changing?"])
q("geo", "which countries border {country}?||which countries border {country}", "what are the neighbors of {country}?", "=countries bordering {country}", qty=["how many countries border {country}?", "how long is the border of {country}?"], neg=["which countries do not border {country}?"], subset=["which countries border {country} to the north?"])
q("geo", "how long is the {river}?||how long the {river} is", "what's the length of the {river}?", "={river} river length", qty=["how wide is the {river}?", "how deep is the {river}?", "how old is the {river}?"], dir=["where does the {river} begin?"])
q("geo", "how [high|tall] is {mount}?||how high {mount} is", "what's the [height|elevation] of {mount}?", "=height of {mount}", qty=["how many people have climbed {mount}?", "how long does it take to climb {mount}?"], tense=["who first climbed {mount}?"])
q("geo", "what's the largest country in {continent}?||what the largest country in {continent} is", "which country in {continent} has the [largest|biggest] area?", dir=["what's the smallest country in {continent}?"], qty=["how many countries are there in {continent}?"], subset=["what are the five largest countries in {continent}?"])
q("sci", "how many moons does {planet} have?||how many moons {planet} has", "what's the number of moons of {planet}?", "={planet} number of moons", qty=["how many rings does {planet} have?", "how long is a day on {planet}?", "how far is {planet} from the sun?"], cause=["why does {planet} have that many moons?"])

# --- health
q("health", "can I take {drug.a} and {drug.b} together?||if I can take {drug.a} and {drug.b} together", "is it [safe|okay] to combine {drug.a} and {drug.b}?", "={drug.a} and {drug.b} interaction", sym="drug", neg=["can I take {drug.a} without {drug.b}?"], qty=["how long should I wait between {drug.a} and {drug.b}?"], cause=["why can't I take {drug.a} and {drug.b} together?"])
q("health", "what are the side effects of {drug}?||what the side effects of {drug} are", "what side effects does {drug} [have|cause]?", "={drug} side effects", subset=["what are the rare side effects of {drug}?", "what's the most common side effect of {drug}?"], cause=["why does {drug} have side effects?"], neg=["is there an alternative to {drug} without side effects?"])
q("health", "is {drug} safe for {who}?||if {drug} is safe for {who}", "can {who} [safely take|take] {drug}?", qty=["how much {drug} is safe for {who}?"], cause=["why is {drug} not safe for {who}?"], tense=["was {drug} ever considered safe for {who}?"])
q("health", "what are the symptoms of {cond}?||what the symptoms of {cond} are", "what symptoms does {cond} [have|cause]?", "={cond} symptoms", cause=["what are the causes of {cond}?", "what causes {cond}?"], dir=["what are the treatments for {cond}?"], neg=["can you have {cond} without symptoms?"], subset=["what's the first symptom of {cond}?"])
how("health", "[get rid of|treat] {cond}", "=treatment for {cond}", "=what helps against {cond}?", dir=["prevent {cond}"], cause=["find out what causes {cond}"], neg=["live with untreated {cond}"], qty=["measure how severe {cond} is"])
q("health", "what foods are [high|rich] in {vit}?||what foods are high in {vit}", "which foods contain a lot of {vit}?", "=foods high in {vit}", dir=["what foods are low in {vit}?"], neg=["what foods contain no {vit}?", "which foods should I avoid if I have too much {vit}?"], cause=["why are some foods high in {vit}?"])
q("health", "how much {vit} should I take [a day|per day|daily]?||how much {vit} I should take a day", "what's the [recommended|suggested] daily dose of {vit}?", qty=["when should I take {vit}?", "how much {vit} is too much?"], tense=["how much {vit} did I take per day last year?"], subset=["how much {vit} should I take per day if I am pregnant?"])
q("health", "why does my {body} hurt when I run?||why my {body} hurts when I run", "what could be causing pain in my {body} when I run?", neg=["why does my {body} hurt when I don't run?", "why does my {body} not hurt when I run?"], dir=["why does my {body} hurt before I run?", "why does my {body} hurt after I run?"], tense=["why did my {body} hurt when I ran?"])
q("health", "how many hours of sleep does {who} need?||how many hours of sleep {who} needs", "how much sleep does {who} [need|require]?", qty=["how many calories does {who} need?", "how much water does {who} need?"], cause=["why does {who} need that much sleep?"])

# --- law
q("law", "is it legal to {lawact} in {state}?||if it's legal to {lawact} in {state}", "am I allowed to {lawact} in {state}?", "can you legally {lawact} in {state}?", qty=["what's the fine if you {lawact} in {state}?"], tense=["when did it become legal to {lawact} in {state}?", "will it become legal to {lawact} in {state}?"], neg=["in which places is it illegal to {lawact} outside {state}?"])
q("law", "can my {party} sue me in {state}?||if my {party} can sue me in {state}", "is it possible for my {party} to sue me in {state}?", dir=["can I sue my {party} in {state}?"], tense=["did my {party} sue me in {state}?"], cause=["why would my {party} sue me in {state}?"], neg=["can my {party} not sue me in {state}?"][:0])
how("law", "[get|obtain] {legal} ^in {state}", "=getting {legal} in {state}, what do I need to do?", dir=["cancel {legal} ^in {state}", "contest {legal} ^in {state}"], qty=["see what {legal} costs ^in {state}"], neg=["avoid needing {legal} ^in {state}"])
q("law", "what's the minimum wage in {state}?||what the minimum wage in {state} is", "how much is the minimum wage in {state}?", "={state} minimum wage", tense=["what was the minimum wage in {state} in 2010?", "what will the minimum wage in {state} be next year?"], qty=["how many people earn the minimum wage in {state}?", "what's the average wage in {state}?"])
q("law", "how much [notice|notice time] does my {party} have to give me in {state}?||how much notice my {party} has to give me in {state}", dir=["how much notice do I have to give my {party} in {state}?"], neg=["when does my {party} not have to give me notice in {state}?"])

# --- maths / units / money
for f, lo, hi in (("mass", 2, 90), ("len", 2, 900), ("vol", 2, 60), ("tim", 10, 900), ("cur", 5, 950), ("temp", 20, 250)):
    q("maths", f"how many {{{f}.b}} are {{num{lo}_{hi}}} {{{f}.a}}?||how many {{{f}.b}} {{num{lo}_{hi}}} {{{f}.a}} are", f"what's {{num{lo}_{hi}}} {{{f}.a}} in {{{f}.b}}?", f"={{num{lo}_{hi}}} {{{f}.a}} to {{{f}.b}}", f"=convert {{num{lo}_{hi}}} {{{f}.a}} [to|into] {{{f}.b}}", swap=f)
q("maths", "what's {num2_99.a} percent of {num100_999.b}?||what {num2_99.a} percent of {num100_999.b} is", "how much is {num2_99.a}% of {num100_999.b}?", "={num2_99.a}% of {num100_999.b}", neg=["what's {num100_999.b} minus {num2_99.a} percent?"], dir=["what's {num100_999.b} plus {num2_99.a} percent?", "{num2_99.a} is what percent of {num100_999.b}?"])
q("maths", "what's {num3_99.a} times {num3_99.b}?||what {num3_99.a} times {num3_99.b} is", "={num3_99.a} * {num3_99.b}", "=multiply {num3_99.a} by {num3_99.b}", sym="num3_99", dir=["what's {num3_99.a} divided by {num3_99.b}?", "what's {num3_99.a} plus {num3_99.b}?"])
q("maths", "what's {num30_99.a} minus {num3_29.b}?||what {num30_99.a} minus {num3_29.b} is", "={num30_99.a} - {num3_29.b}", "=subtract {num3_29.b} from {num30_99.a}", dir=["what's {num3_29.b} minus {num30_99.a}?", "what's {num30_99.a} plus {num3_29.b}?"])
q("maths", "what's the area of a {shape}?||what the area of a {shape} is", "=formula for the area of a {shape}", "how do you [calculate|compute] the area of a {shape}?", qty=["what's the perimeter of a {shape}?"], cause=["why is the area of a {shape} given by that formula?"], subset=["what's the area of half a {shape}?"])
q("maths", "what's the volume of a {solid} with radius {num2_50}?||what the volume of a {solid} with radius {num2_50} is", "=volume of a {solid}, radius {num2_50}", qty=["what's the surface area of a {solid} with radius {num2_50}?"], dir=["what's the volume of a {solid} with diameter {num2_50}?"])
q("maths", "what's the derivative of {fn}?||what the derivative of {fn} is", "=derivative of {fn}", "=differentiate {fn}", dir=["what's the integral of {fn}?", "what's the antiderivative of {fn}?"], neg=["where is {fn} not differentiable?"], subset=["what's the second derivative of {fn}?"], code=1)
do("maths", "[solve|find x in] {num2_9.a}x + {num3_40.b} = {num41_99.c}", "=what is x if {num2_9.a}x + {num3_40.b} = {num41_99.c}?", neg=["solve {num2_9.a}x - {num3_40.b} = {num41_99.c}"])
q("maths", "is {num101_997} a prime number?||if {num101_997} is a prime number", "is {num101_997} prime?", qty=["how many prime numbers are there below {num101_997}?", "what are the factors of {num101_997}?"], dir=["what's the next prime number after {num101_997}?", "what's the last prime number before {num101_997}?"])
q("money", "how much [interest|in interest] do I earn on {num2_40} thousand dollars at {num2_9.r} percent?||how much interest I earn on {num2_40} thousand dollars at {num2_9.r} percent", dir=["how much interest do I pay on a loan of {num2_40} thousand dollars at {num2_9.r} percent?"], tense=["how much interest did I earn on {num2_40} thousand dollars at {num2_9.r} percent since 2015?"])

# --- translation / language
do("transl", 'translate "{phrase}" [to|into] {lang}', '=how do you say "{phrase}" in {lang}?', '="{phrase}" in {lang}', '=what\'s "{phrase}" in {lang}?', dir=['translate the {lang} for "{phrase}" into English letter by letter'], neg=['give a {lang} sentence that means the opposite of "{phrase}"'])
do("transl", "translate this [text|passage] from {lang.a} [to|into] {lang.b}", "=I have a text in {lang.a} and need it in {lang.b}, translate it", swap="lang", subset=["translate only the first sentence of this text from {lang.a} to {lang.b}"], neg=["summarize this {lang.a} text in {lang.b} without translating it"])
q("transl", "is {lang.a} harder [to learn|to study] than {lang.b}?||if {lang.a} is harder to learn than {lang.b}", swap="lang", cmp=["is {lang.a} older than {lang.b}?", "is {lang.a} similar to {lang.b}?", "is {lang.a} more widely spoken than {lang.b}?"], cause=["why is {lang.a} harder to learn than {lang.b}?"])
how("transl", "learn {lang} in {num2_12} months", "=learn {lang} {num2_12} months", neg=["learn {lang} without a teacher in {num2_12} months"], dir=["teach {lang} in {num2_12} months"])

# --- writing
do("write", "write a {doc} for {rel}", "=I need a {doc} for {rel}, [write|draft] one", "[draft|compose] a {doc} for {rel}", dir=["write a {doc} from {rel} to me"])
do("write", "write a [short|brief] {wform} about {wtop}", "=a short {wform} about {wtop}", "compose a short {wform} on {wtop}", neg=["write a short {wform} that never mentions {wtop}"], dir=["write a long {wform} about {wtop}"], qty=["give a title for a short {wform} about {wtop}"])
do("write", "write {num2_12} [titles|headlines] for a {wform} about {wtop}", "=I need {num2_12} titles for a {wform} about {wtop}")
do("write", "make this {doc} more {tone}", "rewrite this {doc} so that it [sounds|reads] more {tone}", dir=["make this {doc} less {tone}"], neg=["make this {doc} not {tone} at all"], qty=["rate how {tone} this {doc} is"])
do("write", "write an email to {rel} asking for [a meeting|an appointment] on {num2_28.d} {month}", "[draft|compose] an email to {rel} to request a meeting on {num2_28.d} {month}", dir=["write an email to {rel} declining a meeting on {num2_28.d} {month}"], neg=["write an email to {rel} saying that I can not meet on {num2_28.d} {month}"], tense=["write an email to {rel} thanking them for the meeting on {num2_28.d} {month}"])
do("write", "summarize {book} [in|using] {num3_20} sentences", "=summary of {book} in {num3_20} sentences", "give me a {num3_20} sentence summary of {book}", neg=["summarize {book} in {num3_20} sentences without spoilers"], subset=["summarize the last chapter of {book} in {num3_20} sentences"])
q("know", "who wrote {book}?||who wrote {book}", "who's the author of {book}?", "who was {book} written by?", "={book} author", pas=["who was {book} written by?"], qty=["when was {book} written?", "how many pages does {book} have?"], cause=["why was {book} written?"], dir=["who is the main character of {book}?"])
q("know", "who directed {film}?||who directed {film}", "who's the director of {film}?", "who was {film} directed by?", "=director of {film}", pas=["who was {film} directed by?"], dir=["who produced {film}?", "who starred in {film}?"], qty=["when was {film} released?", "how much did {film} earn?"])
q("know", "when was {pers} born?||when {pers} was born", "what's the [date of birth|birth date] of {pers}?", "={pers} date of birth", dir=["when did {pers} die?"], qty=["where was {pers} born?", "how old did {pers} get?"], cause=["why is {pers} famous?"])
q("know", "who won {sport} in {year}?||who won {sport} in {year}", "who was the winner of {sport} in {year}?", "={sport} {year} winner", dir=["who lost {sport} in {year}?"], qty=["how many people watched {sport} in {year}?", "where was {sport} held in {year}?"], tense=["who will win {sport} next year?"], neg=["who did not take part in {sport} in {year}?"])
q("know", "when did {war} [start|begin]?||when {war} started", "what year did {war} [start|begin]?", "=start of {war} date", dir=["when did {war} end?"], qty=["how long did {war} last?", "how many people died in {war}?"], cause=["why did {war} start?", "what were the consequences of {war}?"])
do("know", "explain {concept}", "=what is {concept}?", "=can you tell me what {concept} is?", cause=["explain why {concept} matters"], neg=["explain what {concept} is not"], tense=["explain the history of {concept}"])
q("know", "what's the difference between {concept.a} and {concept.b}?||what the difference between {concept.a} and {concept.b} is", "how do {concept.a} and {concept.b} differ?", "={concept.a} vs {concept.b}", sym="concept", c=1, cmp=["what do {concept.a} and {concept.b} have in common?", "which was discovered first, {concept.a} or {concept.b}?"])
q("know", "what happened in {country} in {year}?||what happened in {country} in {year}", "=events in {country} {year}", neg=["what did not change in {country} in {year}?"], tense=["what is happening in {country} right now?", "what will happen in {country} after {year}?"], dir=["what happened in {country} before {year}?", "what happened in {country} after {year}?"], subset=["what happened in sports in {country} in {year}?"])
q("know", "how much does a {job} [earn|make] in {country}?||how much a {job} earns in {country}", "what's the [salary|pay] of a {job} in {country}?", "={job} salary {country}", tense=["how much did a {job} earn in {country} in 2000?", "how much will a {job} earn in {country} in ten years?"], qty=["how many hours does a {job} work in {country}?"], cause=["why does a {job} earn so little in {country}?"])
how("know", "become a {job} ^in {country}", "=what do I need to do to become a {job} in {country}?", "=becoming a {job} in {country}", dir=["hire a {job} ^in {country}", "quit working as a {job} ^in {country}"], neg=["become a {job} without a degree ^in {country}"])
how("home", "grow {plant} ^indoors in {month}", "=growing {plant} indoors in {month}, how does it work?", dir=["grow {plant} ^outdoors in {month}", "harvest {plant} ^indoors in {month}"], neg=["grow {plant} without soil ^indoors in {month}"])
q("home", "how often should I water {plant}?||how often I should water {plant}", "how frequently do {plant} need [water|watering]?", "=watering {plant} how often", qty=["how much water do {plant} need?", "how often should I fertilize {plant}?"], neg=["when should I not water {plant}?"], cause=["why do {plant} need so much water?"], subset=["how often should I water {plant} in winter?"])
how("home", "learn to play {skill} in {num2_24} months", "teach myself {skill} in {num2_24} months", neg=["learn to play {skill} without lessons in {num2_24} months"])

CON = {
 "prog": ["in one line", "with unit tests", "in constant memory", "and benchmark it", "with logging", "for a beginner"],
 "dev": ["without downtime", "on a machine with no internet", "without admin rights", "for a beginner", "on a school computer", "from a script"],
 "shell": ["without sudo", "from a cron job", "on a machine with no internet", "with a confirmation prompt", "and log the result", "without the command line"],
 "media": ["without losing quality", "without installing anything", "in bulk"],
 "product": ["without a computer", "without logging in", "for a 75 year old", "over the phone"],
 "cook": ["without garlic", "without sugar", "without gluten", "for vegans", "for a beginner", "with only five ingredients"],
 "travel": ["with a baby", "on a tiny budget", "in a wheelchair", "at night", "without flying"],
 "health": ["without medication", "during pregnancy", "in a toddler", "at home", "after surgery"],
 "law": ["without a lawyer", "as a foreigner", "as a minor", "online"],
 "maths": ["graphically", "showing every step", "with a check of the result"],
 "transl": ["in a very formal register", "with a pronunciation guide", "using slang"],
 "write": ["in under 100 words", "in one sentence", "in French", "in rhyme", "for children", "without using the letter e"],
 "know": ["in one sentence", "for a 5-year-old", "in exactly 50 words", "in Spanish", "in rhyme", "in a table"],
 "home": ["in a small flat", "with kids", "on a tiny budget", "without any experience"],
}
QCON = ["in one sentence", "to a 5-year-old", "in under 50 words", "in under 20 words", "in a table", "in Spanish", "with an analogy", "for a beginner"]
HEADS = [  # other question words over a "how" template
 ("why should I {vp}?", "why I should {vp}"), ("when should I {vp}?", "when I should {vp}"),
 ("should I {vp}?", "if I should {vp}"), ("how long does it take to {vp}?", "how long it takes to {vp}"),
 ("what can go wrong when I {vp}?", "what can go wrong when I {vp}"),
 ("how much does it cost to {vp}?", "how much it costs to {vp}")]

# frames; weights by repetition
F_HOW = ["How do I {vp}?"] * 8 + ["How can I {vp}?"] * 5 + ["How to {vp}?"] * 5 + ["How to {vp}"] * 2 + [
 "What's the best way to {vp}?", "What's the best way to {vp}?", "What is the best way to {vp}?", "What's the easiest way to {vp}?",
 "Can you tell me how to {vp}?", "Can you tell me how to {vp}?", "Could you tell me how to {vp}?", "Can you show me how to {vp}?",
 "Can you explain how to {vp}?", "I need to {vp}.", "I need to {vp}. How do I do that?", "I want to {vp}.", "I want to {vp}, how can I do it?",
 "I'd like to {vp}.", "I'm trying to {vp}.", "I'm trying to {vp}, how do I do that?", "Tell me how to {vp}.", "Show me how to {vp}.",
 "Please tell me how to {vp}.", "Please explain how to {vp}.", "What do I have to do to {vp}?", "Is there a way to {vp}?", "How would I {vp}?",
 "How would you {vp}?", "How should I {vp}?", "What is a good way to {vp}?", "Do you know how to {vp}?", "I don't know how to {vp}.",
 "Help me {vp}.", "Can you help me {vp}?", "How do you {vp}?", "How do you {vp}?", "I can't figure out how to {vp}.", "Any idea how to {vp}?",
 "How does one {vp}?", "How exactly do I {vp}?", "How do I actually {vp}?", "I was wondering how to {vp}.", "Explain how to {vp}.",
 "What are the steps to {vp}?", "Could you help me {vp}?", "How might I {vp}?", "I'd like to know how to {vp}.", "Looking for a way to {vp}."]
F_Q = ["{D}"] * 14 + ["Can you tell me {i}?"] * 4 + ["Could you tell me {i}?", "Do you know {i}?", "Do you know {i}?", "I'd like to know {i}.",
 "I want to know {i}.", "I was wondering {i}.", "Please tell me {i}.", "Tell me {i}.", "Tell me {i}.", "Do you happen to know {i}?", "I need to know {i}.",
 "I'm wondering {i}.", "Any idea {i}?", "Would you know {i}?", "I'm curious {i}.", "Can you please tell me {i}?", "My question: {d}", "Help me find out {i}."]
F_DO = ["{VP}."] * 10 + ["Please {vp}."] * 5 + ["Can you {vp}?"] * 5 + ["Could you {vp}?"] * 3 + ["Could you please {vp}?", "Can you please {vp}?", "I need you to {vp}.",
 "I want you to {vp}.", "I'd like you to {vp}.", "Would you {vp}?", "Help me {vp}.", "Can you help me {vp}?", "Would you mind helping me {vp}?", "Will you {vp}?",
 "I need your help to {vp}.", "Let's {vp}.", "Go ahead and {vp}."]
OPEN = ["Hi, ", "Hello, ", "Hey, ", "Hi! ", "Hello! ", "Hey there, ", "Quick question: ", "Quick question - ", "So, ", "So ", "Ok so ", "Okay, ", "Hi there! ", "Good morning, ",
 "Just wondering, ", "Sorry, ", "Sorry for the dumb question, but ", "Hmm, ", "Um, ", "Well, ", "Question: ", "One more thing: ", "Excuse me, ", "Actually, ", "Alright, ", "Again: ", "Hey! "]
CLOSE = [" Thanks!", " Thanks.", " Thank you!", " Thanks in advance.", " thx", " please", " Please.", " Thank you so much.", " Any help is appreciated.", " I'm stuck.", " I forgot.", " Many thanks!",
 " I really need this.", " Cheers", " I keep forgetting.", " ty"]

# ---------------------------------------------------------------- foreign
FW = {
 "de": {"land": L("Frankreich;Spanien;Italien;Portugal;Schweden;Norwegen;Polen;Japan;Kanada;Österreich;Australien;Peru"), "stadt": L("Berlin;München;Wien;Paris;Rom;Hamburg;Köln;Zürich;Prag;London"),
  "gericht": L("Lasagne;Kartoffelsuppe;Kürbissuppe;Apfelkuchen;Käsekuchen;Gulasch;Pfannkuchen;Risotto"), "spr": L("Python;Java;JavaScript;Rust;Go;C++;PHP"), "datei": L("CSV;JSON;XML;PDF;YAML"),
  "sprache": L("Französisch;Englisch;Spanisch;Italienisch;Polnisch;Japanisch"), "mittel": L("Ibuprofen;Paracetamol;Aspirin;Metformin;Melatonin"), "monat": L("Januar;März;Mai;Juni;Juli;Oktober;Dezember"), "konto": L("Netflix;Spotify;Instagram;Amazon;PayPal"), "ding": L("Gedicht;Lied;Essay;Märchen"), "thema": L("das Meer;den Herbst;die Freundschaft;den Klimawandel")},
 "fr": {"land": L("l'Allemagne;l'Espagne;l'Italie;la Suède;la Suisse;la Norvège;la Pologne;l'Autriche;l'Australie;la Chine"), "stadt": L("Paris;Lyon;Marseille;Berlin;Rome;Londres;Nice;Lille;Genève;Bordeaux"),
  "gericht": L("une ratatouille;une quiche lorraine;des crêpes;une tarte aux pommes;une tarte au citron;un risotto;une soupe à l'oignon"), "spr": L("Python;Java;JavaScript;Rust;Go;C++;PHP"), "datei": L("CSV;JSON;XML;PDF;YAML"),
  "sprache": L("anglais;allemand;espagnol;italien;polonais;japonais"), "mittel": L("paracétamol;magnésium;fer;zinc;doliprane"), "monat": L("janvier;mars;mai;juin;juillet;octobre;décembre"), "konto": L("Netflix;Spotify;Instagram;Amazon;PayPal"), "ding": L("poème;discours;conte;texte"), "thema": L("la mer;l'automne;l'amitié;le climat")},
 "es": {"land": L("Francia;Alemania;Italia;Portugal;Suecia;Suiza;Noruega;Polonia;Austria;Australia;Perú"), "stadt": L("Madrid;Barcelona;Sevilla;Valencia;Lisboa;París;Roma;Bogotá;Lima"),
  "gericht": L("una paella;una tortilla de patatas;un gazpacho;unas croquetas;un flan;un arroz con leche"), "spr": L("Python;Java;JavaScript;Rust;Go;C++;PHP"), "datei": L("CSV;JSON;XML;PDF;YAML"),
  "sprache": L("inglés;alemán;francés;italiano;polaco;japonés"), "mittel": L("ibuprofeno;paracetamol;aspirina;metformina;melatonina"), "monat": L("enero;marzo;mayo;junio;julio;octubre;diciembre"), "konto": L("Netflix;Spotify;Instagram;Amazon;PayPal"), "ding": L("poema;discurso;cuento;ensayo"), "thema": L("el mar;el otoño;la amistad;el clima")},
 "it": {"land": L("Francia;Germania;Spagna;Svezia;Svizzera;Norvegia;Polonia;Austria;Australia"), "stadt": L("Roma;Milano;Napoli;Torino;Venezia;Firenze;Parigi;Londra"),
  "gericht": L("le lasagne;il tiramisù;la carbonara;il pesto;il risotto;la focaccia"), "spr": L("Python;Java;JavaScript;Rust;Go;C++;PHP"), "datei": L("CSV;JSON;XML;PDF;YAML"),
  "sprache": L("inglese;tedesco;francese;spagnolo;polacco;giapponese"), "mittel": L("paracetamolo;cortisone;ferro;magnesio;diclofenac"), "monat": L("gennaio;marzo;maggio;giugno;luglio;ottobre;dicembre"), "konto": L("Netflix;Spotify;Instagram;Amazon;PayPal"), "ding": L("poema;discorso;racconto;saggio"), "thema": L("il mare;la pioggia;l'amicizia;il clima")},
 "pt": {"land": L("França;Itália;Espanha;Suécia;Suíça;Noruega;Polônia;Áustria;Austrália"), "stadt": L("Lisboa;Porto;São Paulo;Salvador;Madri;Paris;Roma;Recife"),
  "gericht": L("uma feijoada;um bolo de cenoura;um bolo de chocolate;um pudim;uma moqueca;um pão caseiro"), "spr": L("Python;Java;JavaScript;Rust;Go;C++;PHP"), "datei": L("CSV;JSON;XML;PDF;YAML"),
  "sprache": L("inglês;alemão;francês;italiano;polonês;japonês"), "mittel": L("ibuprofeno;paracetamol;dipirona;metformina;melatonina"), "monat": L("janeiro;março;maio;junho;julho;outubro;dezembro"), "konto": L("Netflix;Spotify;Instagram;Amazon;PayPal"), "ding": L("poema;discurso;conto;texto"), "thema": L("o mar;o outono;a amizade;o clima")},
}
FT = {  # (form, variants meaning the same, near misses, swap)
 "de": [("how", ["eine {datei}-Datei in {spr} einlesen", "eine {datei}-Datei mit {spr} lesen"], ["eine {datei}-Datei in {spr} schreiben", "eine {datei}-Datei in {spr} löschen"], None),
  ("how", ["{gericht} zubereiten", "{gericht} machen"], ["{gericht} einfrieren", "{gericht} ohne Zucker zubereiten", "{gericht} aufwärmen"], None),
  ("how", ["mein Konto bei {konto} löschen", "mein {konto}-Konto löschen"], ["ein Konto bei {konto} anlegen", "mein Konto bei {konto} wiederherstellen"], None),
  ("how", ["von {stadt.a} nach {stadt.b} fahren", "von {stadt.a} nach {stadt.b} kommen"], ["von {stadt.a} nach {stadt.b} ohne Auto kommen"], "stadt"),
  ("how", ["in {num2_12} Monaten {sprache} lernen"], ["in {num2_12} Wochen {sprache} lernen"], None),
  ("q", ["Was ist die Hauptstadt von {land}?", "Wie heißt die Hauptstadt von {land}?"], ["Was ist die größte Stadt von {land}?", "Wie viele Einwohner hat die Hauptstadt von {land}?"], None),
  ("q", ["Wie viele Einwohner hat {land}?", "Wie viele Menschen leben in {land}?"], ["Wie viele Einwohner hatte {land} 1950?", "Wie groß ist {land}?"], None),
  ("q", ["Wie ist das Wetter in {stadt} im {monat}?"], ["Wie war das Wetter in {stadt} letzten {monat}?", "Wie viel regnet es in {stadt} im {monat}?"], None),
  ("q", ["Welche Nebenwirkungen hat {mittel}?", "Was sind die Nebenwirkungen von {mittel}?"], ["Welche Wirkung hat {mittel}?", "Wie viel kostet {mittel}?"], None),
  ("do", ["ein kurzes {ding} über {thema} schreiben"], ["ein langes {ding} über {thema} schreiben"], None)],
 "fr": [("how", ["lire un fichier {datei} en {spr}", "ouvrir un fichier {datei} en {spr}"], ["écrire un fichier {datei} en {spr}", "supprimer un fichier {datei} en {spr}"], None),
  ("how", ["préparer {gericht}", "faire {gericht}", "cuisiner {gericht}"], ["congeler {gericht}", "réchauffer {gericht}", "préparer {gericht} sans four"], None),
  ("how", ["supprimer mon compte {konto}", "effacer mon compte {konto}"], ["créer un compte {konto}", "récupérer mon compte {konto}"], None),
  ("how", ["aller de {stadt.a} à {stadt.b} en train"], ["aller de {stadt.a} à {stadt.b} en voiture", "aller de {stadt.a} à {stadt.b} sans voiture"], "stadt"),
  ("how", ["apprendre le vocabulaire {sprache} en {num2_12} mois"], ["apprendre le vocabulaire {sprache} en {num2_12} semaines"], None),
  ("q", ["Quelle est la capitale de {land} ?", "C'est quoi la capitale de {land} ?"], ["Quelle est la plus grande ville de {land} ?", "Quelle est la population de la capitale de {land} ?"], None),
  ("q", ["Quelle est la population de {land} ?"], ["Quelle était la population de {land} en 1950 ?", "Quelle est la superficie de {land} ?"], None),
  ("q", ["Quel temps fait-il à {stadt} en {monat} ?"], ["Quel temps a-t-il fait à {stadt} en {monat} dernier ?", "Combien pleut-il à {stadt} en {monat} ?"], None),
  ("q", ["Quels sont les effets secondaires du {mittel} ?", "Quels effets secondaires a le {mittel} ?"], ["Quels sont les bienfaits du {mittel} ?", "Quel est le prix du {mittel} ?"], None),
  ("do", ["écrire un court {ding} sur {thema}", "rédiger un court {ding} sur {thema}"], ["écrire un long {ding} sur {thema}"], None)],
 "es": [("how", ["leer un archivo {datei} en {spr}", "abrir un archivo {datei} con {spr}"], ["escribir un archivo {datei} en {spr}", "borrar un archivo {datei} en {spr}"], None),
  ("how", ["preparar {gericht}", "hacer {gericht}", "cocinar {gericht}"], ["congelar {gericht}", "preparar {gericht} sin huevo", "recalentar {gericht}"], None),
  ("how", ["borrar mi cuenta de {konto}", "eliminar mi cuenta de {konto}"], ["crear una cuenta de {konto}", "recuperar mi cuenta de {konto}"], None),
  ("how", ["ir de {stadt.a} a {stadt.b}", "viajar de {stadt.a} a {stadt.b}"], ["ir de {stadt.a} a {stadt.b} sin coche"], "stadt"),
  ("how", ["aprender {sprache} en {num2_12} meses"], ["aprender {sprache} en {num2_12} semanas", "enseñar {sprache} en {num2_12} meses"], None),
  ("q", ["¿Cuál es la capital de {land}?", "¿Qué ciudad es la capital de {land}?"], ["¿Cuál es la ciudad más grande de {land}?", "¿Cuántos habitantes tiene la capital de {land}?"], None),
  ("q", ["¿Cuántos habitantes tiene {land}?", "¿Cuánta gente vive en {land}?"], ["¿Cuántos habitantes tenía {land} en 1950?", "¿Qué superficie tiene {land}?"], None),
  ("q", ["¿Qué tiempo hace en {stadt} en {monat}?"], ["¿Qué tiempo hizo en {stadt} en {monat} pasado?", "¿Cuánto llueve en {stadt} en {monat}?"], None),
  ("q", ["¿Qué efectos secundarios tiene el medicamento {mittel}?", "¿Cuáles son los efectos secundarios del medicamento {mittel}?"], ["¿Qué efectos tiene el medicamento {mittel}?", "¿Cuánto cuesta el medicamento {mittel}?"], None),
  ("do", ["escribir un {ding} corto sobre {thema}", "redactar un {ding} corto sobre {thema}"], ["escribir un {ding} largo sobre {thema}"], None)],
 "it": [("how", ["leggere un file {datei} in {spr}", "aprire un file {datei} con {spr}"], ["scrivere un file {datei} in {spr}", "cancellare un file {datei} in {spr}"], None),
  ("how", ["preparare {gericht}", "fare {gericht}", "cucinare {gericht}"], ["congelare {gericht}", "preparare {gericht} senza glutine"], None),
  ("how", ["cancellare il mio account {konto}", "eliminare il mio account {konto}"], ["creare un account {konto}", "recuperare il mio account {konto}"], None),
  ("how", ["andare da {stadt.a} a {stadt.b}", "arrivare da {stadt.a} a {stadt.b}"], ["andare da {stadt.a} a {stadt.b} senza macchina"], "stadt"),
  ("how", ["imparare il vocabolario {sprache} in {num2_12} mesi"], ["imparare il vocabolario {sprache} in {num2_12} settimane"], None),
  ("q", ["Qual è la capitale del paese {land}?", "Come si chiama la capitale del paese {land}?"], ["Qual è la città più grande del paese {land}?"], None),
  ("q", ["Che tempo fa a {stadt} a {monat}?", "Com'è il tempo a {stadt} a {monat}?"], ["Che tempo ha fatto a {stadt} a {monat} scorso?", "Quanto piove a {stadt} a {monat}?"], None),
  ("q", ["Quali sono gli effetti collaterali del {mittel}?", "Quali effetti collaterali ha il {mittel}?"], ["Quali sono i benefici del {mittel}?", "Quanto costa il {mittel}?"], None),
  ("do", ["scrivere un breve {ding} su questo tema: {thema}"], ["scrivere un lungo {ding} su questo tema: {thema}"], None)],
 "pt": [("how", ["ler um arquivo {datei} em {spr}", "abrir um arquivo {datei} com {spr}"], ["escrever um arquivo {datei} em {spr}", "apagar um arquivo {datei} em {spr}"], None),
  ("how", ["preparar {gericht}", "fazer {gericht}"], ["congelar {gericht}", "preparar {gericht} sem sal"], None),
  ("how", ["excluir minha conta do {konto}", "apagar minha conta do {konto}"], ["criar uma conta no {konto}", "recuperar minha conta do {konto}"], None),
  ("how", ["ir de {stadt.a} para {stadt.b}", "viajar de {stadt.a} para {stadt.b}"], ["ir de {stadt.a} para {stadt.b} sem carro"], "stadt"),
  ("how", ["aprender {sprache} em {num2_12} meses"], ["aprender {sprache} em {num2_12} semanas", "ensinar {sprache} em {num2_12} meses"], None),
  ("q", ["Qual é a capital do país {land}?", "Como se chama a capital do país {land}?"], ["Qual é a maior cidade do país {land}?"], None),
  ("q", ["Como é o tempo em {stadt} em {monat}?", "Como é o clima em {stadt} em {monat}?"], ["Como foi o tempo em {stadt} em {monat} passado?", "Quanto chove em {stadt} em {monat}?"], None),
  ("q", ["Quais são os efeitos colaterais do remédio {mittel}?", "Que efeitos colaterais tem o remédio {mittel}?"], ["Quanto custa o remédio {mittel}?", "Para que serve o remédio {mittel}?"], None),
  ("do", ["escrever um {ding} curto sobre {thema}"], ["escrever um {ding} longo sobre {thema}"], None)],
}
FF = {
 "de": {"how": ["Wie kann ich {vp}?"] * 3 + ["Wie kann man {vp}?", "Wie kann man am besten {vp}?", "Kannst du mir sagen, wie ich {vp} kann?", "Können Sie mir sagen, wie ich {vp} kann?", "Ich möchte {vp}.", "Ich will {vp}, wie geht das?", "Ich muss {vp}.", "Was muss ich tun, wenn ich {vp} will?"],
  "do": ["Kannst du {vp}?", "Können Sie {vp}?", "Könntest du bitte {vp}?", "Kannst du für mich {vp}?", "Bitte {vp}.", "Du sollst {vp}."], "o": ["Hallo, ", "Hi, ", "Kurze Frage: ", "Guten Tag, ", "Also, "], "c": [" Danke!", " Vielen Dank!", " Danke im Voraus.", " Bitte."]},
 "fr": {"how": ["Comment {vp} ?"] * 3 + ["Comment puis-je {vp} ?", "Comment faire pour {vp} ?", "Comment je peux {vp} ?", "Pouvez-vous me dire comment {vp} ?", "Peux-tu m'expliquer comment {vp} ?", "Je voudrais {vp}.", "J'aimerais savoir comment {vp}.", "Quelle est la meilleure façon de {vp} ?", "Je dois {vp}, comment faire ?"],
  "do": ["Peux-tu {vp} ?", "Pouvez-vous {vp} ?", "Pourrais-tu {vp} s'il te plaît ?", "Tu peux {vp} ?", "Je voudrais te demander de {vp}."], "o": ["Bonjour, ", "Salut, ", "Petite question : ", "Alors, "], "c": [" Merci !", " Merci d'avance.", " Merci beaucoup", " svp"]},
 "es": {"how": ["¿Cómo puedo {vp}?"] * 3 + ["¿Cómo se puede {vp}?", "¿Cómo hago para {vp}?", "¿Me puedes decir cómo {vp}?", "¿Podrías explicarme cómo {vp}?", "Necesito {vp}.", "Quiero saber cómo {vp}.", "Quiero {vp}, ¿cómo lo hago?", "¿Cuál es la mejor manera de {vp}?"],
  "do": ["¿Puedes {vp}?", "¿Podrías {vp}?", "¿Podrías {vp}, por favor?", "¿Me puedes {vp}?", "Necesito que me ayudes a {vp}."], "o": ["Hola, ", "Buenas, ", "Una pregunta: ", "Oye, "], "c": [" ¡Gracias!", " Gracias.", " Muchas gracias", " por favor"]},
 "it": {"how": ["Come posso {vp}?"] * 3 + ["Come faccio a {vp}?", "Come si fa a {vp}?", "Mi puoi dire come {vp}?", "Potresti spiegarmi come {vp}?", "Vorrei sapere come {vp}.", "Vorrei {vp}.", "Devo {vp}, come faccio?", "Qual è il modo migliore per {vp}?"],
  "do": ["Puoi {vp}?", "Potresti {vp}?", "Potresti {vp} per favore?", "Mi puoi {vp}?", "Ho bisogno che tu mi aiuti a {vp}."], "o": ["Ciao, ", "Buongiorno, ", "Una domanda: ", "Allora, "], "c": [" Grazie!", " Grazie mille.", " grazie", " per favore"]},
 "pt": {"how": ["Como posso {vp}?"] * 3 + ["Como faço para {vp}?", "Como {vp}?", "Pode me dizer como {vp}?", "Você pode me explicar como {vp}?", "Gostaria de saber como {vp}.", "Quero {vp}.", "Preciso {vp}, como faço?", "Qual é a melhor maneira de {vp}?"],
  "do": ["Você pode {vp}?", "Pode {vp}?", "Você poderia {vp}, por favor?", "Pode {vp} para mim?", "Preciso que você me ajude a {vp}."], "o": ["Oi, ", "Olá, ", "Uma pergunta: ", "Bom dia, "], "c": [" Obrigado!", " Obrigada.", " Valeu", " por favor"]},
}
FQ = {"de": ["{q}"] * 4 + ["Kannst du mir sagen: {q}", "Weißt du das: {q}", "Ich wüsste gern: {q}"], "fr": ["{q}"] * 4 + ["Dis-moi, {q}", "Je voudrais savoir : {q}", "Tu sais ça : {q}"],
      "es": ["{q}"] * 4 + ["Dime, {q}", "Quisiera saber: {q}", "¿Sabes esto? {q}"], "it": ["{q}"] * 4 + ["Dimmi, {q}", "Vorrei sapere: {q}", "Mi sai dire: {q}"], "pt": ["{q}"] * 4 + ["Me diga, {q}", "Gostaria de saber: {q}", "Você sabe? {q}"]}

# fmt: on
# ---------------------------------------------------------------- machinery
SLOT = re.compile(r"\{([a-z_0-9]+(?:\.[a-z])?)\}")
SPIN = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
P0, P1 = "\x01", "\x02"  # around protected (slot) text
NUMW = {
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    12: "twelve",
}


def cap(s):
    m = re.match(r'^([\x01¿¡"]*)(.)', s)
    if not m or re.match(r"\W*(iPhone|iOS|macOS|numpy|pandas|nginx|e\^x)", s.replace(P0, "")):
        return s
    return s[: m.start(2)] + m.group(2).upper() + s[m.end(2) :]


def uncap(s):
    return s[0].lower() + s[1:] if s and not s.startswith(("I ", "I'", P0)) else s


def wl(t, words):
    return words[t] if isinstance(words[t], list) else words[t][1]


def value(r, key, words, taken=()):
    t = key.split(".")[0]
    m = NUM.match(t)
    if m:
        lo, hi = int(m[1]), int(m[2])
        for _ in range(50):
            n = r.randint(lo, hi)
            if hi > 60 and r.random() < 0.4:
                n = max(lo, n // 10 * 10)
            v = f"{n}~{NUMW[n]}" if n in NUMW else str(n)
            if v not in taken:
                return v
        return v
    c = [x for x in wl(t, words) if x not in taken]
    return r.choice(c)


def near(r, key, v, words, taken):
    """another value for the slot: often one that looks alike"""
    t = key.split(".")[0]
    m = NUM.match(t)
    if m:
        n, lo, hi = int(v.split("~")[0]), int(m[1]), int(m[2])
        s = str(n)
        c = [n + 1, n - 1, n + 10, n * 10, int(s[::-1]), n + r.choice([2, 5, 100])]
        c = [x for x in c if x != n and x >= max(2, lo // 2) and x < (29 if t == "num2_28" else hi * 10)]
        w = r.choice(c) if r.random() < 0.7 and c else None
        if not w:
            return value(r, key, words, taken | {v})
        o = f"{w}~{NUMW[w]}" if w in NUMW else str(w)
        return o if o not in taken | {v} else value(r, key, words, taken | {v})
    c = [x for x in wl(t, words) if x != v and x not in taken]
    if r.random() < 0.5 and len(c) > 6:
        c = sorted(r.sample(c, len(c) * 2 // 3), key=lambda x: -difflib.SequenceMatcher(None, x, v).ratio())[:2]
    return r.choice(c)


def keys_of(t):
    ks = []
    for p in t["p"][:1]:
        ks += [k for k in SLOT.findall(p) if k not in ks]
    return ks


def draw(r, keys, words):
    d = {}
    for k in keys:
        base = k.split(".")[0]
        d[k] = value(
            r,
            k,
            words,
            {v for kk, v in d.items() if kk.split(".")[0] == base or (NUM.match(base) and NUM.match(kk.split(".")[0]))},
        )
    return d


def fill(text, d, al, spin, r_spin=None):
    """spin: dict counter->index ; al: set of slot keys written by the alias"""
    n = [0]

    def sp(m):
        opts = m[1].split("|")
        i = n[0]
        n[0] += 1
        return opts[spin.get(i, 0) % len(opts)]

    text = SPIN.sub(sp, text)

    def sl(m):
        vs = d[m[1]].split("~")
        tail = m.string[m.end() : m.end() + 1]
        ok = m[1] in al and len(vs) > 1 and not (vs[0].isdigit() and (tail in "x%" or m[1].endswith((".d", ".c"))))
        return P0 + (vs[1] if ok else vs[0]) + P1

    text = SLOT.sub(sl, text)
    return re.sub(
        r"\b([Aa]) (\x01?)(?=(?!one|uni|use|US |UK |eu)(?:[aeiouAEIOU]|8\b|11\b|18\b|LLC|NDA|MKV|MP4|XML|HTML))",
        lambda m: m[1] + "n " + m[2],
        text,
    )


def core(t, ph, d, al, spin, front, con, head):
    """returns (kind, payload) ready for framing"""
    whole = ph.startswith("=")
    s = fill(ph.lstrip("="), d, al, spin)
    ind = None
    if "||" in s:
        s, ind = s.split("||")
    fr = ""
    if "^" in s:
        a, b = s.split("^")
        s, fr = (a.strip(), b.strip()) if front else (a + b, "")
    if con:
        if t["form"] == "q" or whole:
            s = s[:-1] + " " + con + "?" if s.endswith("?") else s + " " + con
            ind = ind and ind + " " + con
        else:
            s = s + " " + con
    if head and t["form"] == "how" and not whole:
        hd, hi = HEADS[head - 1]
        return "q", hd.replace("{vp}", s), hi.replace("{vp}", s), fr
    return ("whole" if whole else t["form"]), s, ind, fr


def frame(form, s, ind, fr, f):
    if form == "whole":
        o = s
    elif form == "how":
        o = f.replace("{vp}", s)
    elif form == "do":
        o = f.replace("{vp}", s).replace("{VP}", cap(s))
    else:
        if "{i}" in f and not ind:
            f = "{D}" if not re.match(r"Can|Could|Do you|Tell", f) else f
        o = (
            f.replace("{D}", cap(s))
            .replace("{d}", s)
            .replace("{i}?", (ind or s.rstrip("?")) + "?")
            .replace("{i}", ind or s.rstrip("?"))
        )
    if fr:
        o = cap(fr) + ", " + uncap(o)
    return cap(o)


def frames_for(form, head, words=None):
    return F_Q if head else {"how": F_HOW, "q": F_Q, "do": F_DO}[form]


def polite(r, s, opening=OPEN, closing=CLOSE):
    x = r.random()
    if x < 0.5 or x > 0.88:
        o = r.choice(opening)
        s = o + (uncap(s) if r.random() < 0.8 and not o.endswith("! ") else s)
    if x >= 0.5:
        c = r.choice(closing)
        if (
            c.strip().lower() in ("please", "svp", "por favor", "per favore", "thx", "ty")
            and s.endswith("?")
            and r.random() < 0.6
        ):
            s = s[:-1].rstrip() + c + "?"
        else:
            s += c
    return s


FILL = [
    (r"^How do I ", ["How do I actually ", "How do I even ", "How exactly do I ", "How do I properly "]),
    (r"^How can I ", ["How can I actually ", "How exactly can I "]),
    (r"^What's ", ["What exactly is ", "What is ", "And what's "]),
    (r"^I need to ", ["I really need to ", "I just need to "]),
    (r"^Can you ", ["Can you please ", "Could you please ", "Can you maybe "]),
    (r"^Tell me ", ["Just tell me ", "Please tell me "]),
    (r"^Write ", ["Please write ", "Just write "]),
    (r"^Translate ", ["Please translate ", "Kindly translate "]),
    (r"^Explain ", ["Please explain ", "Pls explain "]),
    (r"^How to ", ["How exactly to ", "So how to "]),
]


def filler(r, s):
    for pat, reps in FILL:
        if re.search(pat, s):
            return re.sub(pat, lambda m, reps=reps: r.choice(reps), s)
    return s


def surface(r, s, code, heavy=False):
    p = 1 if heavy else 0.55
    x = r.random()
    if x < 0.38 * p:
        s = keep(s, str.lower)
    elif x < 0.46 * p:
        s = uncap(s)
    elif x < 0.49 * p and not code:
        s = keep(s, str.upper)
    elif x < 0.53 * p and not code:
        s = " ".join(w.capitalize() if w.islower() and P0 not in w and r.random() < 0.9 else w for w in s.split(" "))
    x = r.random()
    if s.endswith("?"):
        if x < 0.35 * p:
            s = s[:-1].rstrip()
        elif x < 0.42 * p:
            s = s[:-1].rstrip() + "??"
        elif x < 0.48 * p:
            s = s[:-1].rstrip() + " ?"
        elif x < 0.51 * p:
            s = s[:-1].rstrip() + "."
        elif x < 0.53 * p:
            s = s[:-1].rstrip() + "???"
    elif s.endswith("."):
        if x < 0.5 * p:
            s = s[:-1]
        elif x < 0.57 * p:
            s = s[:-1] + "!"
        elif x < 0.62 * p:
            s = s[:-1] + "..."
    elif (x < 0.15 * p and s[-1].isalnum()) or (s[-1] == P1 and x < 0.15 * p):
        s += "."
    x = r.random()
    if x < 0.3 * p:
        s = (
            s.replace("hat's", "hat is")
            .replace("I'd like", "I would like")
            .replace("I'm ", "I am ")
            .replace("ho's ", "ho is ")
        )
    elif x < 0.45 * p:
        s = (
            s.replace("'s ", "s ")
            .replace("I'm", "Im")
            .replace("i'm", "im")
            .replace("can't", "cant")
            .replace("don't", "dont")
            .replace("I'd", "Id")
        )
    elif x < 0.5 * p:
        s = s.replace(" you ", " u ") if heavy else s
    elif x < 0.58 * p:
        s = re.sub(r"\bplease\b", "pls", s)
    x = r.random()
    if x < 0.03 * p and " " in s:
        i = r.choice([m.start() for m in re.finditer(" ", s)])
        s = s[:i] + " " + s[i:]
    elif x < 0.05 * p:
        s += " "
    return s


def keep(s, f):
    """case change; flags and one-letter codes stay as they are"""
    return re.sub(
        r"(\x01[^\x02]*\x02)|([^\x01]+)",
        lambda m: (m[1] if re.search(r"^\x01-|[(^*]", m[1] or "") else f(m[1])) if m[1] else f(m[2]),
        s,
    )


def typo(r, s):
    w = [m for m in re.finditer(r"[A-Za-z]{5,}", s) if s.rfind(P0, 0, m.start()) <= s.rfind(P1, 0, m.start())]
    if not w:
        return s
    m = r.choice(w)
    t = m[0]
    i = r.randint(1, len(t) - 2)
    k = r.random()
    if k < 0.4:
        n = t[:i] + t[i + 1] + t[i] + t[i + 2 :]
    elif k < 0.75:
        n = t[:i] + t[i + 1 :]
    elif k < 0.9:
        n = t[:i] + t[i] + t[i:]
    else:
        n = t[:i] + r.choice("asdeiortn") + t[i + 1 :]
    if n.lower() in (
        "frist",
        "form",
        "untie",
        "thing",
        "there",
        "wile",
        "form",
        "letter",
        "later",
        "latter",
        "diary",
        "moths",
        "coma",
    ):
        return s
    return s[: m.start()] + n + s[m.end() :]


def clean(s):
    return s.replace(P0, "").replace(P1, "")


def spins(r, ph):
    n = len(SPIN.findall(ph))
    return {i: r.randint(0, 5) if r.random() < 0.3 else 0 for i in range(n)}


ALT = {
    "direction": "dir",
    "negation": "neg",
    "quantity": "qty",
    "subset": "subset",
    "tense": "tense",
    "cause": "cause",
    "comparison": "cmp",
}


class G:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.used = Counter()
        self.seen = set()
        self.out = []
        self.alt_use = Counter()

    def pick(self, ok):
        c = [t for t in T if ok(t)]
        if not c:
            return None
        # fewer of a template already used much
        w = [1 / (1 + self.alt_use[id(t)]) for t in c]
        return self.r.choices(c, w)[0]

    def put(self, a, b, label, kind, key, t=None):
        a, b = clean(a), clean(b)
        if self.r.random() < 0.5:
            a, b = b, a
        if a == b or self.used[key] >= 3 or (a, b) in self.seen or (b, a) in self.seen:
            return False
        self.used[key] += 1
        self.seen.add((a, b))
        if t is not None:
            self.alt_use[id(t)] += 1
        self.out.append((a, b, label, kind))
        return True

    def con_for(self, t, ph):
        if t["form"] == "q":
            return QCON if t.get("c") else []
        return CON.get(t["topic"], [])

    def pick_con(self, t, ph):
        c = [
            x
            for x in self.con_for(t, ph)
            if not (re.search(r"sentence|\d words|without a teacher", ph) and re.search(r"sentence|words", x))
        ]
        return self.r.choice(c) if c else ""

    # ---- same
    def same(self, kind):
        r = self.r
        if kind == "foreign":
            return self.foreign("same")
        ok = {
            "abbrev": lambda t: any(
                "~" in v or NUM.match(k.split(".")[0])
                for k in keys_of(t)
                for v in (wl(k.split(".")[0], W) if not NUM.match(k.split(".")[0]) else ["~"])
            ),
            "order": lambda t: "^" in t["p"][0] or t.get("sym") or t.get("pas"),
            "synonym": lambda t: any(SPIN.search(p) for p in t["p"]),
            "rewrite": lambda t: len(t["p"]) > 1,
        }.get(kind, lambda t: True)
        t = self.pick(ok)
        d = draw(r, keys_of(t), W)
        d2 = dict(d)
        ph = t["p"][0] if r.random() < 0.75 else r.choice(t["p"])
        # now and then the shared question is a near-miss wording, so those words tell nothing
        alts = [p for k in ALT.values() for p in t.get(k, [])]
        if kind not in ("rewrite", "order", "synonym", "abbrev") and alts and r.random() < 0.28:
            ph = r.choice(alts)
        ph2 = ph
        al = {k for k in d if r.random() < 0.15}
        al2 = set(al)
        con = self.pick_con(t, ph) if r.random() < 0.14 and not ph.startswith("=") and kind != "rewrite" else ""
        head = (
            r.randint(1, len(HEADS))
            if t["form"] == "how" and r.random() < 0.1 and kind != "rewrite" and not ph.startswith("=")
            else 0
        )
        code = t.get("code")
        front = front2 = r.random() < 0.06 and kind != "order" and not con
        if kind == "synonym":
            ph = ph2 = r.choice([p for p in t["p"] if SPIN.search(p)])
        spin = spins(r, ph)
        spin2 = dict(spin)
        if kind == "synonym":
            ms = SPIN.findall(ph)
            i = r.randrange(len(ms))
            n = len(ms[i].split("|"))
            spin2[i] = (spin[i] % n + r.randint(1, n - 1)) % n
            if head:
                head = 0
        if kind == "abbrev":
            c = [k for k in d if "~" in d[k]]
            if not c:
                return False
            al, al2 = set(), {r.choice(c)}
            if r.random() < 0.1:
                al2 = set(c)
        if kind == "order":
            con = ""
            if t.get("sym"):
                ph = ph2 = r.choice(t["p"])
                d2[t["sym"] + ".a"], d2[t["sym"] + ".b"] = d[t["sym"] + ".b"], d[t["sym"] + ".a"]
            elif t.get("pas"):
                ph, ph2 = t["p"][0], t["pas"][0]
            else:
                ph = ph2 = r.choice([p for p in t["p"] if "^" in p])
                front, front2 = False, True
            spin = spin2 = {}
        if kind == "rewrite":
            ph, ph2 = r.sample(t["p"], 2)
            spin, spin2 = spins(r, ph), spins(r, ph2)
            front = front2 = False
        if "{i}" in ph:
            pass
        A = core(t, ph, d, al, spin, front, con, head)
        B = core(t, ph2, d2, al2, spin2, front2, con, head)
        fs = frames_for(t["form"], head)
        f = f2 = r.choice(fs)
        if front or front2:
            f = f2 = (
                r.choice(["How do I {vp}?", "How can I {vp}?", "What's the best way to {vp}?"])
                if fs is F_HOW
                else "{D}"
            )
        if kind == "frame":
            if A[0] == "whole":
                return False
            for _ in range(20):
                f2 = r.choice(fs)
                if f2 != f:
                    break
            if front and fs is F_Q:
                return False
        elif kind in ("rewrite", "synonym", "order", "abbrev") and r.random() < 0.4 and not (front or front2):
            f2 = r.choice(fs)
        a, b = frame(*A, f), frame(*B, f2)
        if kind == "surface":
            if r.random() < 0.25:
                a = polite(r, a)
                b = a
            a0 = a
            a = surface(r, a0, code) if r.random() < 0.5 else a0
            b = surface(r, a0, code, True)
        elif kind == "polite":
            if r.random() < 0.3:
                b = filler(r, b)
            if a == b or r.random() < 0.3:
                b = polite(r, b)
            if r.random() < 0.15:
                a = polite(r, a)
            if r.random() < 0.45:
                b = surface(r, b, code)
            if r.random() < 0.35:
                a = surface(r, a, code)
        elif kind == "frame":
            if r.random() < 0.2:
                b = polite(r, b)
            if r.random() < 0.5:
                b = surface(r, b, code)
            if r.random() < 0.4:
                a = surface(r, a, code)
        elif kind == "typo":
            b = typo(r, b)
            if a == b:
                return False
            if r.random() < 0.15:
                b = typo(r, b)
            if r.random() < 0.5:
                b = surface(r, b, code)
        else:
            if r.random() < 0.15:
                b = polite(r, b)
            if r.random() < 0.4:
                b = surface(r, b, code)
            if r.random() < 0.3:
                a = surface(r, a, code)
        if kind not in ("surface",) and re.sub(r"\W", "", clean(a)).lower() == re.sub(r"\W", "", clean(b)).lower():
            return False
        return self.put(a, b, "same", kind, (id(t), tuple(sorted(d.values()))), t)

    # ---- different
    def diff(self, kind):
        r = self.r
        if kind == "foreign":
            return self.foreign("different")
        ok = {
            "slot": keys_of,
            "direction": lambda t: t.get("swap") or t.get("dir"),
            "constraint": lambda t: self.con_for(t, ""),
            "question-word": lambda t: t["form"] == "how",
        }.get(kind, lambda t: t.get(ALT.get(kind, "")))
        t = self.pick(ok)
        d = draw(r, keys_of(t), W)
        d2 = dict(d)
        ph = t["p"][0] if r.random() < 0.7 else r.choice(t["p"])
        code = t.get("code")
        al = {k for k in d if r.random() < 0.15}
        al2 = set(al)
        con = con2 = self.pick_con(t, ph) if r.random() < 0.1 and not ph.startswith("=") else ""
        head = head2 = 0
        out = kind
        if kind == "slot":
            alts = [p for k in ALT.values() for p in t.get(k, [])]
            if alts and r.random() < 0.15:
                ph = r.choice(alts)
            if t["form"] == "how" and not ph.startswith("=") and r.random() < 0.07:
                head = head2 = r.randint(1, len(HEADS))
            used = [k for k in d if "{" + k + "}" in ph]
            if not used:
                return False
            k = r.choice(used)
            base = k.split(".")[0]
            d2[k] = near(
                r,
                k,
                d[k],
                W,
                {
                    v
                    for kk, v in d.items()
                    if kk != k and (kk.split(".")[0] == base or (NUM.match(base) and NUM.match(kk.split(".")[0])))
                },
            )
            if NUM.match(base) and d2[k].split("~")[0] == d[k].split("~")[0]:
                return False
            out = "number" if NUM.match(base) else W[base][0]
            if base in ("num2_28",):
                out = "date"
            if t.get("sym") or "differ" in ph:
                out = "comparison" if out in ("product", "content", "codelang", "option") and r.random() < 0.5 else out
        ph2 = ph
        if kind == "direction":
            opts = (["swap"] * 2 if t.get("swap") else []) + (["dir"] if t.get("dir") else [])
            if r.choice(opts) == "swap":
                a, b = t["swap"] + ".a", t["swap"] + ".b"
                d2[a], d2[b] = d[b], d[a]
            else:
                ph, ph2 = t["p"][0], r.choice(t["dir"])
        elif kind in ALT:
            ph, ph2 = t["p"][0], r.choice(t[ALT[kind]])
            if r.random() < 0.1:
                o = [p for k in ALT.values() for p in t.get(k, []) if p != ph2 and k != ALT[kind]]
                # two near misses against each other
                if o and kind in ("quantity", "tense", "cause"):
                    ph = r.choice(o)
        elif kind == "constraint":
            ph = ph2 = t["p"][0]
            con, con2 = "", self.pick_con(t, ph)
            if r.random() < 0.3:
                con = self.pick_con(t, ph)
            if con == con2 or not con2:
                return False
        elif kind == "question-word":
            ph = ph2 = r.choice([p for p in t["p"] if not p.startswith("=")])
            head2 = r.randint(1, len(HEADS))
            if r.random() < 0.3:
                head = r.randint(1, len(HEADS))
                if head == head2:
                    return False
        spin = spins(r, ph)
        spin2 = spin if ph2 == ph else spins(r, ph2)
        style = r.random()
        if style > 0.7 and ph2 == ph and r.random() < 0.4:
            spin2 = spins(r, ph)
            if kind == "slot" and r.random() < 0.4 and "{" + k + "}" in t["p"][-1] and ph in t["p"]:
                ph2 = r.choice([p for p in t["p"] if "{" + k + "}" in p])
                spin2 = spins(r, ph2)
        if style > 0.7 and r.random() < 0.3:
            al2 = {k for k in d if r.random() < 0.4}
        front = r.random() < 0.06 and not con and not con2
        A = core(t, ph, d, al, spin, front, con, head)
        B = core(t, ph2, d2, al2, spin2, front, con2, head2)
        fs, fs2 = frames_for(t["form"], head), frames_for(t["form"], head2)
        f = r.choice(fs)
        f2 = f if fs is fs2 else r.choice(fs2)
        if front:

            def g(x):
                return (
                    r.choice(["How do I {vp}?", "How can I {vp}?", "What's the best way to {vp}?"])
                    if x is F_HOW
                    else "{D}"
                )

            f = g(fs)
            f2 = f if fs is fs2 else g(fs2)
        elif style > 0.7:
            f2 = r.choice(fs2)
        a, b = frame(*A, f), frame(*B, f2)
        if style < 0.45:  # identical frames
            if r.random() < 0.3:
                st = r.getrandbits(32)
                a, b = surface(random.Random(st), a, code), surface(random.Random(st), b, code)
            if r.random() < 0.12:
                st = r.getrandbits(32)
                a, b = polite(random.Random(st), a), polite(random.Random(st), b)
        else:
            if r.random() < 0.12:
                b = filler(r, b)
            if r.random() < 0.28:
                b = polite(r, b)
            if r.random() < 0.08:
                a = polite(r, a)
            if r.random() < 0.04:
                b = typo(r, b)
            if r.random() < 0.55:
                b = surface(r, b, code, style < 0.7)
            if r.random() < 0.4:
                a = surface(r, a, code)
        if re.sub(r"[^\w+#*/^()-]", "", clean(a)) == re.sub(r"[^\w+#*/^()-]", "", clean(b)):
            return False
        return self.put(a, b, "different", out, (id(t), tuple(sorted(d.values()))), t)

    # ---- other languages
    def foreign(self, label):
        r = self.r
        g = r.choice(["de", "fr", "es", "it", "pt"])
        i = r.randrange(len(FT[g]))
        form, var, miss, swap = FT[g][i]
        words = FW[g]
        keys = []
        for k in SLOT.findall(var[0]):
            if k not in keys:
                keys.append(k)
        d = draw(r, keys, words)
        d2 = dict(d)
        va = r.choice(var + (miss if label == "same" and r.random() < 0.25 else []))
        vb = va
        fr = FF[g]
        fs = FQ[g] if form == "q" else fr[form]
        f = f2 = r.choice(fs)
        if label == "same":
            m = r.random()
            if m < 0.25 and va in var and len(var) > 1:
                vb = r.choice([v for v in var if v != va])
            elif m < 0.6:
                f2 = r.choice(fs)
        else:
            m = r.random()
            if m < 0.55 or not miss:
                k = r.choice(keys)
                b = k.split(".")[0]
                d2[k] = near(r, k, d[k], words, {v for kk, v in d.items() if kk != k and kk.split(".")[0] == b})
                if d2[k].split("~")[0] == d[k].split("~")[0]:
                    return False
            elif swap and m < 0.8:
                d2[swap + ".a"], d2[swap + ".b"] = d[swap + ".b"], d[swap + ".a"]
            else:
                va, vb = r.choice(var), r.choice(miss)
            if r.random() < 0.3:
                f2 = r.choice(fs)

        def mk(v, dd, fm):
            s = fill(v, {k: x.split("~")[0] for k, x in dd.items()}, set(), {})
            s = fm.replace("{vp}", s).replace("{q}", s if fm == "{q}" else (s[0].lower() + s[1:]))
            if g == "fr":
                s = re.sub(r"\bde (\x01?)le ", r"du \1", s)
            return cap(s)

        a, b = mk(va, d, f), mk(vb, d2, f2)
        same_look = label == "different" and r.random() < 0.45
        if not same_look:
            if r.random() < (0.4 if label == "same" else 0.3):
                b = polite(r, b, fr["o"], fr["c"])
            if r.random() < 0.55:
                b = surface(r, b, False, True)
            if r.random() < 0.3:
                a = surface(r, a, False)
            if r.random() < 0.1:
                b = (
                    b.translate(str.maketrans("áéíóúàèìòùâêîôûãõçñ", "aeiouaeiouaeiouaocn")).replace("¿", "")
                    if g != "de"
                    else b.replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ß", "ss")
                )
            if r.random() < 0.12:
                b = b.replace("¿", "").replace("¡", "")
            if r.random() < 0.04:
                b = typo(r, b)
        return self.put(a, b, label, "foreign-" + g, (g, i, tuple(sorted(d.values()))))


def pairs(seed: int) -> list[tuple[str, str, str, str]]:
    g = G(seed)
    n_same = round(N_PAIRS * SAME_SHARE)
    for shares, total, f in ((SAME, n_same, g.same), (DIFF, N_PAIRS - n_same, g.diff)):
        g.alt_use.clear()
        for kind, pc in shares.items():
            want, tries = round(total * pc / 100), 0
            while want and tries < 40000:
                tries += 1
                want -= bool(f(kind))
    g.r.shuffle(g.out)
    return g.out


if __name__ == "__main__":
    for a, b, label, kind in pairs(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        print(json.dumps({"a": a, "b": b, "label": label, "kind": kind}, ensure_ascii=False))
