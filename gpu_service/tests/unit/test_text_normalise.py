"""What a native reader says for what is written; and where each spoken word came from."""

from __future__ import annotations

import re

import pytest

from avatar_gpu.speech.text.normalise import normalise

ENGLISH = [
    ("7 cats", "seven cats"),
    ("1,234,567 people", "one million two hundred thirty-four thousand five hundred sixty-seven people"),
    ("12.5%", "twelve point five percent"),
    ("0.05", "zero point zero five"),
    ("-3 degrees", "minus three degrees"),
    ("$3.50", "three dollars and fifty cents"),
    ("$1", "one dollar"),
    ("$0.99", "ninety-nine cents"),
    ("£1,200", "one thousand two hundred pounds"),
    ("€20", "twenty euros"),
    ("20€", "twenty euros"),
    ("$1.2 million", "one point two million dollars"),
    ("$5bn", "five billion dollars"),
    ("USD 40", "forty US dollars"),
    ("¥500", "five hundred yen"),
    ("12/03/2025", "December third, twenty twenty-five"),
    ("2025-03-12", "March twelfth, twenty twenty-five"),
    ("March 3, 2025", "March third, twenty twenty-five"),
    ("on 3 March 2025", "on the third of March, twenty twenty-five"),
    ("the 4th of July", "the fourth of July"),
    ("Dec. 25", "December twenty-fifth"),
    ("10:30", "ten thirty"),
    ("3:45pm", "three forty-five P M"),
    ("at 9:05 a.m. sharp", "at nine oh five A M sharp"),
    ("12:00", "twelve o'clock"),
    ("5 pm", "five P M"),
    ("14:00", "fourteen hundred hours"),
    ("1999", "nineteen ninety-nine"),
    ("in 2005", "in two thousand five"),
    ("in 2024", "in twenty twenty-four"),
    ("in 1900", "in nineteen hundred"),
    ("the 1990s", "the nineteen nineties"),
    ("the 80s", "the eighties"),
    ("1939-1945", "nineteen thirty-nine to nineteen forty-five"),
    ("1939–45", "nineteen thirty-nine to nineteen forty-five"),
    ("pages 5-10", "pages five to ten"),
    ("3/4 cup", "three quarters cup"),
    ("1/2", "one half"),
    ("2 1/2 hours", "two and a half hours"),
    ("½ mile", "one half mile"),
    ("24/7", "twenty-four seven"),
    ("1st, 2nd, 3rd and 21st", "first, second, third and twenty-first"),
    ("5 km", "five kilometres"),
    ("1 kg", "one kilogram"),
    ("60 km/h", "sixty kilometres per hour"),
    ("25°C", "twenty-five degrees Celsius"),
    ("16 GB", "sixteen gigabytes"),
    ("3.5 GHz", "three point five gigahertz"),
    ("555-123-4567", "five five five, one two three, four five six seven"),
    ("+1 555 123 4567", "plus one, five five five, one two three, four five six seven"),
    ("v1.2.3", "version one point two point three"),
    ("3.11.4", "three point eleven point four"),
    ("https://example.com/a-b", "example dot com slash a dash b"),
    ("www.example.org", "W W W dot example dot org"),
    ("me@example.com", "me at example dot com"),
    ("Dr. Smith and Mr. Jones", "Doctor Smith and Mister Jones"),
    ("St. Peter lives on Main St.", "Saint Peter lives on Main Street"),
    ("No. 5", "number five"),
    ("#1", "number one"),
    ("e.g. cats", "for example cats"),
    ("cats, dogs, etc.", "cats, dogs, et cetera"),
    ("Henry VIII", "Henry the eighth"),
    ("World War II", "World War two"),
    ("Chapter IV", "Chapter four"),
    ("R&D", "R and D"),
    ("2 + 2 = 4", "two plus two equals four"),
    ("50% off — today", "fifty percent off, today"),
    ("007", "zero zero seven"),
    ("COVID-19", "COVID-nineteen"),
    ("GPT4", "GPT four"),
    ("1234567890123456", "one two three four five six seven eight nine zero one two three four five six"),
    ("It’s “fine”", 'It\'s "fine"'),
    ("**bold** and _it_", "bold and it"),
    ("I have 3 & you", "I have three and you"),
]  # fmt: skip

SPANISH = [
    ("7 gatos", "siete gatos"),
    ("1 perro", "un perro"),
    ("1 casa", "una casa"),
    ("21 años", "veintiún años"),
    ("21 personas", "veintiuna personas"),
    ("31 días", "treinta y un días"),
    ("200 páginas", "doscientas páginas"),
    ("500 libros", "quinientos libros"),
    ("1.234.567 casas", "un millón doscientas treinta y cuatro mil quinientas sesenta y siete casas"),
    ("12,5 %", "doce coma cinco por ciento"),
    ("100%", "cien por ciento"),
    ("3,14", "tres coma catorce"),
    ("0,05", "cero coma cero cinco"),
    ("-3 grados", "menos tres grados"),
    ("3,50 €", "tres euros con cincuenta céntimos"),
    ("1 €", "un euro"),
    ("21 €", "veintiún euros"),
    ("$5", "cinco dólares"),
    ("5 USD", "cinco dólares"),
    ("1 millón de €", "un millón de euros"),
    ("2,5 millones de euros", "dos coma cinco millones de euros"),
    ("12/03/2025", "doce de marzo de dos mil veinticinco"),
    ("2025-03-12", "doce de marzo de dos mil veinticinco"),
    ("1/5/2024", "primero de mayo de dos mil veinticuatro"),
    ("el 2 de mayo", "el dos de mayo"),
    ("el 1 de enero de 1999", "el primero de enero de mil novecientos noventa y nueve"),
    ("a las 10:30", "a las diez y media"),
    ("a las 10:15", "a las diez y cuarto"),
    ("a la 1:05", "a la una y cinco"),
    ("a las 15:00", "a las quince en punto"),
    ("5 p. m.", "cinco de la tarde"),
    ("en 1999", "en mil novecientos noventa y nueve"),
    ("en 2024", "en dos mil veinticuatro"),
    ("1/2 kilo", "medio kilo"),
    ("3/4 partes", "tres cuartos partes"),
    ("2 1/2 horas", "dos horas y media"),
    ("½", "un medio"),
    ("24/7", "veinticuatro siete"),
    ("1.º", "primero"),
    ("1er piso", "primer piso"),
    ("3ª planta", "tercera planta"),
    ("5 km", "cinco kilómetros"),
    ("1 km", "un kilómetro"),
    ("120 km/h", "ciento veinte kilómetros por hora"),
    ("25°C", "veinticinco grados Celsius"),
    ("21 °C", "veintiún grados Celsius"),
    ("16 GB", "dieciséis gigabytes"),
    ("90 m²", "noventa metros cuadrados"),
    ("612 345 678", "seis uno dos, tres cuatro cinco, seis siete ocho"),
    ("+34 612 345 678", "más tres cuatro, seis uno dos, tres cuatro cinco, seis siete ocho"),
    ("v2.1.0", "versión dos punto uno punto cero"),
    ("www.ejemplo.es", "tres uve dobles punto ejemplo punto es"),
    ("yo@ejemplo.com", "yo arroba ejemplo punto com"),
    ("Sr. Pérez y Dra. Ruiz", "señor Pérez y doctora Ruiz"),
    ("EE. UU.", "Estados Unidos"),
    ("p. ej. gatos", "por ejemplo gatos"),
    ("siglo XXI", "siglo veintiuno"),
    ("Felipe VI", "Felipe sexto"),
    ("Luis XIV", "Luis catorce"),
    ("la II Guerra Mundial", "la segunda Guerra Mundial"),
    ("pan & agua", "pan y agua"),
    ("2 + 2 = 4", "dos más dos igual a cuatro"),
    ("de 5-10 minutos", "de cinco a diez minutos"),
    ("007", "cero cero siete"),
    ("hoy — mañana", "hoy, mañana"),
    ("COVID-19", "COVID-diecinueve"),
]  # fmt: skip

MANDARIN = [
    ("7只猫", "七只猫"),
    ("2个苹果", "两个苹果"),
    ("12个", "十二个"),
    ("22岁", "二十二岁"),
    ("第2名", "第二名"),
    ("2月2日", "二月二日"),
    ("102", "一百零二"),
    ("1,234,567人", "一百二十三万四千五百六十七人"),
    ("10000", "一万"),
    ("200元", "两百元"),
    ("3.14", "三点一四"),
    ("0.05", "零点零五"),
    ("-3", "负三"),
    ("12.5%", "百分之十二点五"),
    ("100%", "百分之一百"),
    ("5%-10%", "百分之五到百分之十"),
    ("$5", "五美元"),
    ("¥3.50", "三元五角"),
    ("¥100", "一百元"),
    ("€20", "二十欧元"),
    ("5美元", "五美元"),
    ("$2.5亿", "二点五亿美元"),
    ("3万亿元", "三万亿元"),
    ("2025年3月12日", "二零二五年三月十二日"),
    ("2025-03-12", "二零二五年三月十二日"),
    ("2025/3/12", "二零二五年三月十二日"),
    ("1999年", "一九九九年"),
    ("90年代", "九十年代"),
    ("10:30", "十点三十分"),
    ("2:05", "两点零五分"),
    ("14:00", "十四点整"),
    ("下午3:45", "下午三点四十五分"),
    ("3:45pm", "下午三点四十五分"),
    ("1/2", "二分之一"),
    ("3/4", "四分之三"),
    ("½", "二分之一"),
    ("24/7", "二十四七"),
    ("比分3:2", "比分三比二"),
    ("25°C", "二十五摄氏度"),
    ("-5℃", "零下五摄氏度"),
    ("5km", "五公里"),
    ("2kg", "两公斤"),
    ("60km/h", "六十公里每小时"),
    ("90m²", "九十平方米"),
    ("16GB", "十六吉字节"),
    ("13812345678", "幺三八幺二三四五六七八"),
    ("010-12345678", "零幺零，幺二三四五六七八"),
    ("v1.2.3", "版本一点二点三"),
    ("3.11.4", "三点十一点四"),
    ("5-10分钟", "五到十分钟"),
    ("1939-1945年", "一九三九到一九四五年"),
    ("１２３", "一百二十三"),
    ("ＡＢＣ", "ABC"),
    ("2 + 2 = 4", "二加二等于四"),
    ("A和B", "A和B"),
    ("用Python3", "用Python三"),
    ("007", "零零七"),
    ("你好——世界", "你好，世界"),
    ("《红楼梦》", '"红楼梦"'),
    ("15:30:20", "十五点三十分二十秒"),
    ("1万2千", "一万两千"),
    ("2024年第3季度", "二零二四年第三季度"),
    ("两百3十", "两百三十"),
]  # fmt: skip


def spoken(text: str, language: str) -> str:
    return re.sub(r"\s+", " ", normalise(text, language).text).strip().replace(" ,", ",")


@pytest.mark.parametrize(("written", "expected"), ENGLISH)
def test_english_is_read_as_a_reader_says_it(written: str, expected: str) -> None:
    assert spoken(written, "en") == expected


@pytest.mark.parametrize(("written", "expected"), SPANISH)
def test_spanish_is_read_as_a_reader_says_it(written: str, expected: str) -> None:
    assert spoken(written, "es") == expected


@pytest.mark.parametrize(("written", "expected"), MANDARIN)
def test_mandarin_is_read_as_a_reader_says_it(written: str, expected: str) -> None:
    assert re.sub(r"(?<![A-Za-z]) | (?![A-Za-z])", "", spoken(written, "zh")) == expected


def test_a_british_date_puts_the_day_first() -> None:
    assert spoken("12/03/2025", "en-GB") == "March twelfth, twenty twenty-five"


def test_mexico_writes_a_decimal_point() -> None:
    assert spoken("1,234.50", "es-MX") == "mil doscientos treinta y cuatro punto cincuenta"
    assert spoken("1.234,50", "es") == "mil doscientos treinta y cuatro coma cincuenta"


@pytest.mark.parametrize("language", ["en", "es", "zh", "fr"])
@pytest.mark.parametrize(
    "text", ["", " ", "\x00\x01", "½½½", "$", "%%", "1/0", "99:99", "-", "€", "(", "<", "&&"]
)
def test_odd_input_never_fails(language: str, text: str) -> None:
    assert len(normalise(text, language).aligned.starts) == len(normalise(text, language).text)


def test_every_character_knows_where_it_came_from() -> None:
    text = "Pay $3.50 on 12/03/2025, OK?"
    aligned = normalise(text, "en", offset=100).aligned

    for word, origin in (("dollars", "$3.50"), ("December", "12/03/2025"), ("OK", "OK"), ("Pay", "Pay")):
        first = aligned.text.index(word)
        start, end = aligned.origin(first, first + len(word))
        assert text[start - 100 : end - 100] == origin


def test_other_scripts_become_runs_in_their_language() -> None:
    result = normalise("Say 你好 and Привет now", "en")

    assert [(result.text[r.start : r.end].strip(), r.language) for r in result.runs] == [
        ("Say", "en"),
        ("你好", "zh"),
        ("and", "en"),
        ("Привет", "ru"),
        ("now", "en"),
    ]


def test_latin_words_inside_mandarin_are_english_runs() -> None:
    result = normalise("我用Python和GPU。", "zh")

    assert [(r.language, result.text[r.start : r.end]) for r in result.runs if r.language == "en"] == [
        ("en", "Python"),
        ("en", "GPU"),
    ]


def test_runs_cover_the_text_without_a_gap() -> None:
    for text in ("你好 hello 你好", "hello", "12 你好", "αβγ abc", "。你好。"):
        result = normalise(text, "en")
        assert "".join(result.text[r.start : r.end] for r in result.runs) == result.text


def test_emoji_and_markup_are_left_out_and_reported() -> None:
    result = normalise("Hi 😀👍🏽 <break time='1s'/> [laughs] there", "en")

    assert spoken("Hi 😀👍🏽 <break time='1s'/> [laughs] there", "en") == "Hi there"
    assert len(result.warnings) == 2


def test_a_language_without_rules_keeps_its_numbers() -> None:
    assert spoken("J'ai 3 chats", "fr") == "J'ai 3 chats"
