"""The words by which mail programs announce a quoted mail, in the languages they speak."""

from __future__ import annotations

import re

_VERBS = (
    # English, German, French, Spanish, Portuguese, Italian, Dutch
    "wrote", "writes", "said", "schrieb", "schrieben", "hat geschrieben", "geschrieben", "a écrit", "a ecrit",
    "écrivit", "escribió", "escribio", "ha escrito", "escreveu", "ha scritto", "scrive", "schreef",
    "heeft geschreven", "het volgende geschreven",
    # Swedish, Danish, Norwegian, Icelandic, Finnish, Estonian, Latvian, Lithuanian
    "skrev", "skriver", "har skrivit", "har skrevet", "skrifaði", "kirjoitti", "kirjutas", "rakstīja", "rašė",
    # Polish, Czech, Slovak, Slovene, Croatian, Serbian, Hungarian, Romanian
    "napisał", "napisała", "napisał(a)", "pisze", "napsal", "napsala", "napsal(a)", "napísal", "napísala",
    "napísal(a)", "je napisal", "je napisala", "je napisao", "je napisao/la", "napisao", "je napisal/a",
    "је написао", "је написао/ла", "ezt írta", "írta", "a scris",
    # Russian, Ukrainian, Bulgarian, Greek, Turkish
    "написал", "написала", "написал(а)", "написа", "пишет", "писал", "писал(а)", "писала", "пише", "написав",
    "написав(-ла)", "έγραψε", "yazdı", "şunları yazdı", "şunu yazdı", "tarihinde yazdı",
    # Catalan, Basque, Galician, Indonesian, Malay, Vietnamese, Thai, Hindi
    "va escriure", "ha escrit", "idatzi du", "escribiu", "menulis", "đã viết", "เขียนว่า", "เขียน", "ने लिखा",
    # Hebrew, Arabic, Persian, Chinese, Japanese, Korean
    "כתב", "כתבה", "כתב/ה", "מאת", "كتب", "كتبت", "نوشت", "写道", "寫道", "写到", "のメール", "さんは書きました",
    "書きました", "작성", "님이 작성", "님이 씀",
)  # fmt: skip
_OPENERS = (
    "on", "am", "le", "el", "em", "il", "op", "den", "dne", "dňa", "dnia", "w dniu", "på", "pe", "în data", "în",
    "στις", "в", "у", "вт", "ср", "чт", "пт", "сб", "вс", "пн", "ke", "ma", "ti", "to", "pe", "la", "su", "kl",
    "vào", "pada", "ในวันที่", "في", "در", "בתאריך", "ב", "2", "1", "em", "dia", "no dia", "na", "dana", "dne", "kuupäeval",
)  # fmt: skip
VERB_WORDS = tuple(dict.fromkeys(verb.lower() for verb in _VERBS))
VERB = re.compile(
    rf"(?:^|[\s>\]\")*_,.(0-9])(?:{'|'.join(map(re.escape, sorted(_VERBS, key=len, reverse=True)))})(?![a-z])",
    re.IGNORECASE,
)
OPENER = re.compile(
    rf"^(?:[-—*_\s]*)(?:{'|'.join(map(re.escape, sorted(set(_OPENERS), key=len, reverse=True)))})", re.IGNORECASE
)  # fmt: skip
# Every form begins with a digit, so that texts without one are done with at once.
DATE = re.compile(
    r"\d(?:\d?[:.h]\d{2}\b|\d{0,3}(?:[./-]\d{1,4}[./-]\d|\s?[年년月日])|(?:(?<=1)9|(?<=2)0)\d\d\b"
    r"|\d?\.? [^\W\d]{3,12}\b)"
)
ADDRESS = re.compile(r"[^\s<>@()\[\]]@[^\s<>@()\[\]]{2}")

# Header labels by meaning. One label may stand for several languages.
_LABELS = {
    "from": "from|von|de|da|van|från|fra|lähettäjä|od|feladó|de la|от|от кого|від|від кого|από|kimden|gönderen"
    "|מאת|من|发件人|寄件者|寄件人|發件人|差出人|送信者|보낸 사람|보낸사람|từ|จาก|dari|šalje|mittente|expediteur|expéditeur"
    "|remitente|remetente|absender|afzender|afsender|avsändare|avsender|saatja|nuo|no|от|kreu|nga|igorlea|frá",
    "date": "date|sent|datum|gesendet|envoyé|envoyé le|fecha|enviado|enviado el|enviada|enviado em|enviada em|data"
    "|data/ora|inviato|verzonden|verzonden op|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|wysłano|wysłane|odesláno"
    "|odoslané|dátum|elküldve|küldve|trimis|изпратено|дата|отправлено|надіслано|στάλθηκε|ημερομηνία|gönderildi"
    "|gönderilme tarihi|tarih|נשלח|תאריך|تاريخ|التاريخ|تم الإرسال|发送时间|日期|傳送時間|寄件日期|发送日期|送信日時|日付|送信日"
    "|보낸 날짜|날짜|đã gửi|ngày|ส่ง|วันที่|dikirim|tanggal|poslano|poslato|saadetud|kuupäev|sent at|date sent|data wysłania",
    "to": "to|an|à|a|para|aan|till|til|vastaanottaja|do|komu|pro|címzett|către|до|кому|към|προς|kime|alıcı|אל|إلى|收件人"
    "|收件者|宛先|받는 사람|받는사람|đến|tới|ถึง|kepada|za|per|destinataire|destinatario|destinatário|empfänger|kam|kellele|kopi til",
    "subject": "subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|temat|předmět|predmet|tárgy"
    "|subiect|тема|относно|θέμα|konu|נושא|الموضوع|موضوع|主题|主題|主旨|件名|제목|chủ đề|เรื่อง|subjek|perihal|assumpte|zadeva|teema|tēma|tema|efni",
    "cc": "cc|kopie|copie|copia|kopia|kopi|копия|копія|másolat|в копии|抄送|副本|참조|bilgi|reply-to|bcc|antwort an|attachments|importance|organization|organisation",
}  # fmt: skip
LABELS: dict[str, str] = {
    label: meaning for meaning, words in reversed(_LABELS.items()) for label in words.split("|")
}
LABEL_LINE = re.compile(
    r"^[>\s|]{0,20}[*_]{0,2}([^\W\d_][^:：*\n]{0,24}?)\s?[*_]{0,2}\s?[:：][*_]{0,2}(?:\s|$|\S)"
)

_ORIGINAL = (
    "original message", "original appointment", "forwarded message", "reply message", "ursprüngliche nachricht",
    "originalnachricht", "original-nachricht", "originalnachricht", "weitergeleitete nachricht", "message d'origine",
    "message original", "message transféré", "message d’origine", "mensaje original", "mensaje reenviado",
    "mensagem original", "mensagem encaminhada", "messaggio originale", "messaggio inoltrato",
    "oorspronkelijk bericht", "oorspronkelijke bericht", "doorgestuurd bericht", "ursprungligt meddelande", "originalmeddelande",
    "vidarebefordrat meddelande", "oprindelig meddelelse", "videresendt besked", "opprinnelig melding",
    "videresendt melding", "alkuperäinen viesti", "edelleenlähetetty viesti", "välitetty viesti", "wiadomość oryginalna",
    "oryginalna wiadomość", "przekazana wiadomość", "wiadomość przekazana", "původní zpráva", "přeposlaná zpráva", "pôvodná správa",
    "preposlaná správa", "eredeti üzenet", "továbbított üzenet", "mesaj original", "mesajul original",
    "mesaj redirecționat", "исходное сообщение", "пересылаемое сообщение", "пересланное сообщение", "переслане повідомлення",
    "вихідне повідомлення", "оригинално съобщение", "препратено съобщение", "αρχικό μήνυμα", "προωθημένο μήνυμα",
    "orijinal mesaj", "özgün ileti", "iletilmiş mesaj", "הודעה מקורית", "הודעה שהועברה", "الرسالة الأصلية",
    "رسالة معاد توجيهها", "原始邮件", "邮件原件", "转发的邮件", "转发邮件", "原始郵件", "轉寄的郵件", "元のメッセージ", "転送メッセージ", "転送されたメッセージ",
    "original mail", "원본 메시지", "원본 메일", "전달된 메시지", "thư gốc", "thư được chuyển tiếp", "pesan asli", "pesan terusan",
    "izvorna poruka", "izvirno sporočilo", "proslijeđena poruka", "missatge original", "algne kiri",
)  # fmt: skip
SEPARATOR = re.compile(
    rf"^[>\s]{{0,10}}[-–—_=*]{{2,60}}\s{{0,3}}(?:{'|'.join(map(re.escape, _ORIGINAL))})\s{{0,3}}(?:[-–—_=*:]{{1,60}})?\s*$",
    re.IGNORECASE,
)
FORWARD_BEGINS = re.compile(
    r"^[>\s]{0,10}(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)"
    r"|début du message (?:réexpédié|transféré)|inicio del mensaje reenviado|início da mensagem (?:reencaminhada|encaminhada)"
    r"|inizio messaggio inoltrato|begin doorgestuurd bericht|vidarebefordrat brev|videresendt besked|välitetty viesti alkaa"
    r"|początek przekazywanej wiadomości|начало переадресованного (?:сообщения|письма)|下面是被转发的邮件|転送されたメッセージ|전달된 메시지 시작)\s?[:：]\s*$",
    re.IGNORECASE,
)
MARKER = re.compile(
    r"^\W{0,20}(?:##-|(?:please )?(?:reply|type your reply|write) above this line|(?:bitte )?(?:antworten sie|antwort) (?:bitte )?(?:oberhalb|über) dies|"
    r"répond(?:ez|re) au-dessus de cette ligne|responda (?:por encima|encima|acima) de(?:sta)? |rispondi sopra questa|"
    r"(?:plaats uw )?antwoord boven deze (?:lijn|regel)|svara ovanför denna|svar over denne)",
    re.IGNORECASE,
)
# How a line begins, behind the end of the one before and in small letters, that may be a rule, a separator or a marker.
BEGINNING = re.compile(
    r"\n[^\S\n]*+(?:[^\w\s]|_|please |reply |type your |write |bitte |antwo|répond|responda |rispondi |plaats |svar)"
)
RULE_LINE = re.compile(r"^[>\s]{0,10}[-_=*—–]{5,}\s*$")
DEVICE = re.compile(
    r"^\W{0,5}(?:sent (?:from|with|via|using) |get outlook for |von mein\w+ .{1,40} gesendet|gesendet (?:von|mit|über) "
    r"|diese nachricht wurde von meinem |envoyé (?:de|depuis|avec|à partir) |télécharge[rz] outlook|obtenir outlook|enviado (?:desde|do|a partir|de|pelo|con) "
    r"|obtener outlook|obter o outlook|inviato da|ottieni outlook|verzonden (?:vanaf|vanuit|met|via) |verstuurd vanaf |download outlook|skickat från |skickat med |hämta outlook|sendt (?:fra|med) "
    r"|hent outlook|lähetetty |hanki outlook|wysłan[eo] z |pobierz outlook|odesláno z|odoslané z|poslano (?:z|s) |poslato sa |küldve |az? .{1,30} küldve|trimis (?:de pe|din|de la) "
    r"|отправлено (?:с|из) |надіслано (?:з|із) |изпратено от |στάλθηκε από |.{1,30}(?:mdan|mden|dan|den) gönderildi|gönderildi |נשלח מ|أُ?رسل(?:ت)? من |从我的|發自我的|发自我的"
    r"|從我的|来自我的|.{1,20}から送信|나의 .{1,20}에서 보냄|.{1,20}에서 보냄|đã gửi từ |được gửi từ |ส่งจาก|dikirim dari )",
    re.IGNORECASE,
)
# Invisible marks around names and dates, mostly of right-to-left languages.
MARKS = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def without_marks(text: str) -> str:
    """Return ``text`` without its invisible marks."""
    if not text.isascii():
        for mark in MARKS:
            if mark in text:
                text = text.replace(mark, "")
    return text
