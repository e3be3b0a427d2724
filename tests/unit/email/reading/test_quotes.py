"""The reply is told from the quote, and never comes out empty."""

from __future__ import annotations

import pytest

from gateway_email.reading import cut_reply, read_mail
from tests.unit.email.reading.samples import mail, multipart_mail, part

_ATTRIBUTIONS = {
    "en": "On Mon, Jun 2, 2025 at 10:00 AM Jane Doe <jane@x.example> wrote:",
    "en folded": "On Mon, Jun 2, 2025 at 10:00 AM Jane Doe\n<jane@x.example> wrote:",
    "en apple": "On 2 Jun 2025, at 10:00, Jane Doe <jane@x.example> wrote:",
    "de": "Am Mo., 2. Juni 2025 um 10:00 Uhr schrieb Jane Doe <jane@x.example>:",
    "de thunderbird": "Am 02.06.25 um 10:00 schrieb Jane Doe:",
    "fr": "Le lun. 2 juin 2025 à 10:00, Jane Doe <jane@x.example> a écrit :",
    "es": "El lun, 2 jun 2025 a las 10:00, Jane Doe (<jane@x.example>) escribió:",
    "pt": "Em seg., 2 de jun. de 2025 às 10:00, Jane Doe <jane@x.example> escreveu:",
    "it": "Il giorno lun 2 giu 2025 alle ore 10:00 Jane Doe <jane@x.example> ha scritto:",
    "nl": "Op ma 2 jun 2025 om 10:00 schreef Jane Doe <jane@x.example>:",
    "sv": "Den mån 2 juni 2025 kl 10:00 skrev Jane Doe <jane@x.example>:",
    "da": "Den man. 2. jun. 2025 kl. 10.00 skrev Jane Doe <jane@x.example>:",
    "no": "man. 2. juni 2025 kl. 10:00 skrev Jane Doe <jane@x.example>:",
    "fi": "ma 2. kesäk. 2025 klo 10.00 Jane Doe (jane@x.example) kirjoitti:",
    "pl": "pon., 2 cze 2025 o 10:00 Jane Doe <jane@x.example> napisał(a):",
    "pl thunderbird": "W dniu 2.06.2025 o 10:00, Jane Doe pisze:",
    "cs": "po 2. 6. 2025 v 10:00 odesílatel Jane Doe <jane@x.example> napsal:",
    "sk": "po 2. 6. 2025 o 10:00 Jane Doe <jane@x.example> napísal(a):",
    "hu": "Jane Doe <jane@x.example> ezt írta (időpont: 2025. jún. 2., H, 10:00):",
    "ro": "În lun., 2 iun. 2025 la 10:00, Jane Doe <jane@x.example> a scris:",
    "ru": "пн, 2 июн. 2025 г. в 10:00, Jane Doe <jane@x.example>:",
    "ru thunderbird": "02.06.2025 10:00, Jane Doe пишет:",
    "uk": "пн, 2 черв. 2025 р. о 10:00 Jane Doe <jane@x.example> пише:",
    "bg": "На пн, 2.06.2025 г. в 10:00 Jane Doe <jane@x.example> написа:",
    "el": "Στις Δευ 2 Ιουν 2025 στις 10:00 π.μ., ο χρήστης Jane Doe <jane@x.example> έγραψε:",
    "tr": "Jane Doe <jane@x.example>, 2 Haz 2025 Pzt, 10:00 tarihinde şunu yazdı:",
    "hr": "pon, 2. lip 2025. u 10:00 Jane Doe <jane@x.example> napisao je:".replace("napisao je", "je napisao"),
    "sl": "V pon., 2. jun. 2025 ob 10:00 je oseba Jane Doe <jane@x.example> napisala:",
    "et": "Kuupäev E, 2. juuni 2025 kell 10:00 kirjutas Jane Doe <jane@x.example>:",
    "lt": "2025-06-02, pr, 10:00 Jane Doe <jane@x.example> rašė:",
    "ca": "El dl., 2 de juny 2025, 10:00, Jane Doe <jane@x.example> va escriure:",
    "id": "Pada Sen, 2 Jun 2025 pukul 10.00 Jane Doe <jane@x.example> menulis:",
    "vi": "Vào Th 2, 2 thg 6, 2025 vào lúc 10:00 Jane Doe <jane@x.example> đã viết:",
    "th": "ในวันที่ จ. 2 มิ.ย. 2025 เวลา 10:00 Jane Doe <jane@x.example> เขียนว่า:",
    "he": "\u202bבתאריך יום ב׳, 2 ביוני 2025 ב-10:00 מאת \u202aJane Doe\u202c\u200f <\u202ajane@x.example\u202c\u200f>:\u202c",
    "ar": "في الاثنين، 2 يونيو 2025 في 10:00 ص كتب Jane Doe <jane@x.example>:",
    "zh-CN": "Jane Doe <jane@x.example> 于2025年6月2日周一 10:00写道：",
    "zh-TW": "Jane Doe <jane@x.example> 於 2025年6月2日 週一 上午10:00寫道：",
    "ja": "2025年6月2日(月) 10:00 Jane Doe <jane@x.example>:",
    "ko": "2025년 6월 2일 (월) 오전 10:00, Jane Doe <jane@x.example>님이 작성:",
    "is": "mán., 2. jún. 2025 kl. 10:00 skrifaði Jane Doe <jane@x.example>:",
}  # fmt: skip

_HEADER_BLOCKS = {
    "en": "From: Jane Doe <jane@x.example>\nSent: Monday, June 2, 2025 10:00\nTo: Support\nSubject: Order",
    "en bold": "*From:* Jane Doe\n*Date:* Monday\n*To:* Support\n*Subject:* Order",
    "en wrapped": "From: Jane Doe\nSent: Monday\nTo: Support; Sales;\n Others\nSubject: Order",
    "de": "Von: Jane Doe\nGesendet: Montag, 2. Juni 2025 10:00\nAn: Support\nBetreff: Order",
    "fr": "De : Jane Doe\nEnvoyé : lundi 2 juin 2025\nÀ : Support\nObjet : Order",
    "es": "De: Jane Doe\nEnviado: lunes, 2 de junio\nPara: Support\nAsunto: Order",
    "pt": "De: Jane Doe\nEnviada em: segunda-feira\nPara: Support\nAssunto: Order",
    "it": "Da: Jane Doe\nInviato: lunedì\nA: Support\nOggetto: Order",
    "nl": "Van: Jane Doe\nVerzonden: maandag\nAan: Support\nOnderwerp: Order",
    "sv": "Från: Jane Doe\nSkickat: den 2 juni\nTill: Support\nÄmne: Order",
    "da": "Fra: Jane Doe\nSendt: 2. juni\nTil: Support\nEmne: Order",
    "fi": "Lähettäjä: Jane Doe\nLähetetty: 2. kesäkuuta\nVastaanottaja: Support\nAihe: Order",
    "pl": "Od: Jane Doe\nWysłano: 2 czerwca\nDo: Support\nTemat: Order",
    "cs": "Od: Jane Doe\nOdesláno: 2. června\nKomu: Support\nPředmět: Order",
    "hu": "Feladó: Jane Doe\nElküldve: június 2.\nCímzett: Support\nTárgy: Order",
    "ru": "От: Jane Doe\nОтправлено: 2 июня\nКому: Support\nТема: Order",
    "uk": "Від: Jane Doe\nНадіслано: 2 червня\nКому: Support\nТема: Order",
    "el": "Από: Jane Doe\nΣτάλθηκε: 2 Ιουνίου\nΠρος: Support\nΘέμα: Order",
    "tr": "Kimden: Jane Doe\nGönderildi: 2 Haziran\nKime: Support\nKonu: Order",
    "zh": "发件人: Jane Doe\n发送时间: 2025年6月2日\n收件人: Support\n主题: Order",
    "ja": "差出人: Jane Doe\n送信日時: 2025年6月2日\n宛先: Support\n件名: Order",
    "ko": "보낸 사람: Jane Doe\n보낸 날짜: 2025년 6월 2일\n받는 사람: Support\n제목: Order",
    "he": "מאת: Jane Doe\nנשלח: 2 ביוני\nאל: Support\nנושא: Order",
    "ar": "من: Jane Doe\nتم الإرسال: 2 يونيو\nإلى: Support\nالموضوع: Order",
    "vi": "Từ: Jane Doe\nĐã gửi: 2 tháng 6\nĐến: Support\nChủ đề: Order",
}


@pytest.mark.parametrize("language", _ATTRIBUTIONS)
@pytest.mark.parametrize(
    "quote", ["> the earlier mail\n> had two lines", "the earlier mail\n\nhad two lines"]
)
def test_attributions_are_recognised(language: str, quote: str) -> None:
    """What mail programs write before a quote begins it, with and without quote marks."""
    attribution = _ATTRIBUTIONS[language]
    cut = cut_reply(f"My answer.\n\nIt has two paragraphs.\n\n{attribution}\n\n{quote}\n")
    assert cut.text == "My answer.\n\nIt has two paragraphs."
    assert cut.quoted == f"{attribution}\n\n{quote}"


@pytest.mark.parametrize("language", _HEADER_BLOCKS)
@pytest.mark.parametrize(
    "rule", ["", "________________________________\n", "-----Original Message-----\n"]
)
def test_header_blocks_are_recognised(language: str, rule: str) -> None:
    """From with two of date, recipient and subject, in any of the languages, begins a quote."""
    block = _HEADER_BLOCKS[language]
    cut = cut_reply(f"My answer.\n\n{rule}{block}\n\nthe earlier mail\n")
    assert (cut.text, cut.quoted) == ("My answer.", f"{rule}{block}\n\nthe earlier mail")


@pytest.mark.parametrize(
    "separator",
    [
        "-----Original Message-----",
        "-------- Original Message --------",
        "-----Ursprüngliche Nachricht-----",
        "-------- Weitergeleitete Nachricht --------",
        "-----Message d'origine-----",
        "-----Mensaje original-----",
        "-----Messaggio originale-----",
        "-----Oorspronkelijk bericht-----",
        "-----Исходное сообщение-----",
        "------------------ 原始邮件 ------------------",
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "Anfang der weitergeleiteten Nachricht:",
        "##- Please type your reply above this line -##",
        "Please reply above this line",
        "  [ TYPE YOUR REPLY ABOVE THIS LINE ]",
        "--- Write above this line ---",
        "Bitte antworten Sie oberhalb dieser Zeile",
        "Antwort bitte über dieser Zeile",
        "Répondez au-dessus de cette ligne",
        "RÉPONDRE AU-DESSUS DE CETTE LIGNE",
        "Responda por encima de esta línea",
        "Responda acima desta linha",
        "Rispondi sopra questa riga",
        "Plaats uw antwoord boven deze lijn",
        "Antwoord boven deze regel",
        "Svara ovanför denna rad",
        "\u201eSvar over denne linje\u201c",
    ],
)
def test_separators_are_recognised(separator: str) -> None:
    """A line that announces the earlier mail begins it."""
    cut = cut_reply(f"My answer.\n\n{separator}\nthe earlier mail")
    assert (cut.text, cut.quoted) == ("My answer.", f"{separator}\nthe earlier mail")


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Get Outlook for Android",
        "Von meinem iPhone gesendet",
        "Gesendet mit der GMX Mail App",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "从我的 iPhone 发送",
        "나의 iPhone에서 보냄",
        "iPhone'umdan gönderildi",
    ],
)
def test_device_lines_are_cut(line: str) -> None:
    """What a telephone adds below is no answer."""
    cut = cut_reply(f"My answer.\n\n{line}\n")
    assert (cut.text, cut.quoted) == ("My answer.", line)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Answer\n-- \nJane\nACME", "Answer"),
        ("Answer\n--\nJane", "Answer"),
        ("Answer\n\n> old\n> words", "Answer"),
        ("Answer\n\nOn 2 Jun 2025 Jane wrote:\n> old\n\nSent from my iPhone", "Answer"),
        ("On 2 Jun 2025 at 10:00, Jane wrote:\n> old\n> words\n\nBottom answer", "Bottom answer"),
        ("Answer\n\nJane wrote:\n> old", "Answer"),
        ("👍\n\nOn 2 Jun 2025 Jane wrote:\n> old", "👍"),
        ("Answer\n\n> On 2 Jun 2025 Jane wrote:\n> > older", "Answer"),
    ],
)
def test_replies_are_found(text: str, reply: str) -> None:
    """Signature, bare quotes, bottom answers: the new words come out."""
    assert cut_reply(text).text == reply


@pytest.mark.parametrize(
    "text",
    [
        "Just words.",
        "---------- Forwarded message ---------\nFrom: a@b.example\nDate: today\nSubject: x\nTo: y\n\nwords",
        "From: a@b.example\nSent: today\nTo: c\nSubject: d\n\nforwarded words",
        "> one\nanswer one\n> two\nanswer two",
        "On 2 Jun 2025 at 10:00, Jane wrote:\n> one\nanswer one\n> two\nanswer two",
        "Hello\n\nOn 2 Jun 2025 at 10:00, Jane wrote:\n> one\nanswer one\n> two\nanswer two",
        "-- \nonly a signature",
        "Sent from my iPhone",
        "> only a quote",
        "Our address:\nFrom: the left\nand then straight on",
        "On Monday I wrote to you:\nnothing came",
        "The log says:\n12:30 started\n12:31 failed",
        "a -- b\n--option\nc",
        "Sent from my desk, this is much easier to read than from a telephone",
        "See the list: a, b, c\nTo: do\nthen: that",
    ],
)
def test_words_are_never_cut_to_nothing(text: str) -> None:
    """Forwards, answers between quotes and ordinary words are shown whole."""
    cut = cut_reply(text)
    assert (cut.text, cut.quoted) == (text, "")


def test_no_words_are_no_reply() -> None:
    """An empty text stays empty."""
    assert cut_reply("").text == ""
    assert cut_reply("\n \n").text == ""


def test_nothing_is_lost_between_the_halves() -> None:
    """Reply and quote together hold every line of the mail."""
    text = "Answer\n-- \nJane\n\nOn 2 Jun 2025 at 10:00, Jane wrote:\n> old"
    cut = cut_reply(text)
    assert set(text.split("\n")) <= {*cut.text.split("\n"), *cut.quoted.split("\n"), ""}


def test_the_mail_keeps_its_whole_text() -> None:
    """A mail carries reply, quote and the whole, so that nothing is ever deleted."""
    read = read_mail(mail("Answer\n\nOn 2 Jun 2025 Jane wrote:\n> old\n"))
    assert (read.text, read.quoted) == ("Answer", "On 2 Jun 2025 Jane wrote:\n> old")
    assert read.full_text == "Answer\n\nOn 2 Jun 2025 Jane wrote:\n> old"


_GMAIL = (
    '<div dir="ltr">My answer</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, Jun 2, 2025 at'
    ' 10:00 Jane &lt;<a href="mailto:j@x.example">j@x.example</a>&gt; wrote:<br></div>'
    '<blockquote class="gmail_quote"><p>old words</p></blockquote></div>'
)


@pytest.mark.parametrize(
    "html",
    [
        _GMAIL,
        '<p>My answer</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> x</div><div>old</div>',
        '<div>My answer</div><div id="divRplyFwdMsg">whatever</div><p>old</p>',
        (
            '<div><p>My answer</p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> J<br><b>Sent:</b> Mon<br>'
            "<b>To:</b> S<br><b>Subject:</b> O</p></div></div><p>old</p></div>"
        ),
        '<p>My answer</p><blockquote type="cite"><div>On 2 Jun 2025, Jane wrote:</div><div>old</div></blockquote>',
        '<div class="moz-cite-prefix">On 2/6/25 Jane wrote:<br></div><blockquote type="cite">old</blockquote><p>My answer</p>',
        '<p>My answer</p><div class="yahoo_quoted"><div>On Monday Jane wrote:</div><div>old</div></div>',
        '<p>My answer</p><div class="protonmail_quote">On Monday Jane wrote:<blockquote>old</blockquote></div>',
        "<p>My answer</p><p>On 2 Jun 2025 at 10:00 Jane &lt;j@x.example&gt; wrote:</p><blockquote>old</blockquote>",
        "<p>My answer</p><p>Von: J<br>Gesendet: Montag<br>An: S<br>Betreff: O</p><p>old</p>",
    ],
)
def test_quotes_in_html_are_cut(html: str) -> None:
    """The containers of the big mail programs are known; then the rules for text apply."""
    read = read_mail(mail(html, "Content-Type: text/html; charset=utf-8"))
    assert read.text == "My answer"
    assert "old" in read.quoted
    assert "old" in read.html


@pytest.mark.parametrize(
    "html",
    [
        '<blockquote type="cite">one</blockquote><p>answer one</p><blockquote type="cite">two</blockquote><p>answer two</p>',
        (
            '<p>see below</p><div class="gmail_quote">On 2 Jun Jane wrote:<blockquote class="gmail_quote">one</blockquote>'
            "<p>answer one</p><blockquote>two</blockquote></div>"
        ),
        '<div class="gmail_quote"><div>---------- Forwarded message ---------</div><p>answer one</p></div>',
    ],
)
def test_answers_inside_html_quotes_are_kept(html: str) -> None:
    """Answers between quotes, and forwards without other words, are shown whole."""
    read = read_mail(mail(html, "Content-Type: text/html; charset=utf-8"))
    assert "answer one" in read.text
    assert read.quoted == ""


def test_html_helps_where_the_plain_form_shows_no_quote() -> None:
    """When only the HTML tells where the quote begins, it decides."""
    read = read_mail(
        multipart_mail(
            "alternative",
            part("My answer\n\nold words of before"),
            part(_GMAIL, "Content-Type: text/html"),
        )
    )
    assert read.text == "My answer"


def test_marks_of_our_own_in_html_are_harmless() -> None:
    """Private-use characters in a mail do not confuse the cutting."""
    read = read_mail(
        mail("<p>a\ue001b\ue002c\ue003d</p>", "Content-Type: text/html; charset=utf-8")
    )
    assert read.text == "abcd"
