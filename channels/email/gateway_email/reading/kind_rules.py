"""The words by which automatic mail names itself."""

from __future__ import annotations

import re

OUT_OF_OFFICE = re.compile(
    r"^\W{0,3}(?:(?:automatic reply|auto(?:matic)?[- ]?reply|automatische antwort|réponse automatique)\s?[:：]\s*)?"
    r"(?:(?:i am |i'm )?out[- ]of[- ](?:the[- ])?office|ooo\b|on (?:annual )?(?:leave|vacation|holiday)|away from (?:the |my )?office|vacation (?:reply|response|notice)"
    r"|abwesen(?:d|heit)|außer haus|nicht im (?:büro|haus)|urlaub(?:sbenachrichtigung|svertretung)|absen(?:ce|t)\b.{0,40}(?:bureau|bureaux|office)?|en congés?\b|hors du bureau"
    r"|fuera de (?:la )?oficina|ausente|fora do escritório|fora da empresa|fuori ufficio|assente|afwezig|niet aanwezig|buiten kantoor"
    r"|frånvar|ej på kontoret|fravær|ikke på kontoret|poissa|en ole toimistolla|nieobecn|poza biurem|mimo kancelář|nepřítomn|neprítomn|irodán kívül|nem vagyok az irodában"
    r"|absent de la birou|вне офиса|нет на месте|отсутству|відсутн|εκτός γραφείου|ofis dışında|מחוץ למשרד|خارج المكتب|不在办公室|休假|外出中|不在のお知らせ|부재중)",
    re.IGNORECASE,
)
AUTO_REPLY = re.compile(
    r"^\W{0,3}(?:auto(?:matic|mated|matische|matisk|maattinen|matyczna)?[- ]?(?:re(?:ply|sponse|sponder)|antwort|svar|vastaus|odpowiedź|acknowledg\w+)|automatisch(?:e|es)? (?:antwort|antwoord|beantwoord)|autosvar|automatsvar"
    r"|auto ?: |\[?auto(?:-| )?(?:reply|response)\]?|réponse automatique|respuesta automática|resposta automática|risposta automatica|automatinis atsakymas|automatická odpověď|automatická odpoveď|automatikus válasz"
    r"|răspuns automat|автоматический ответ|автоответ|автоматична відповідь|автоматичен отговор|αυτόματη απάντηση|otomatik yanıt|תשובה אוטומטית|رد تلقائي|自动回复|自動回覆|自動返信|자동 회신|자동응답|trả lời tự động)",
    re.IGNORECASE,
)
BOUNCE_SUBJECT = re.compile(
    r"(?:undeliver|failed delivery|failure delivery|mail failed|errors from |delivery (?:status|failure|failed|has failed|problem|report|incomplete|delayed|notification)|returned mail|mail delivery|failure notice|delivery subsystem"
    r"|mail(?: system)? error|could not (?:be )?(?:send|deliver|sent)|unable to deliver|non[- ]?remis|nicht zustellbar|unzustellbar|rejected mail|nondeliver|non-deliver|not deliver|message (?:blocked|not delivered|undeliver)"
    r"|mensaje no entregado|no se (?:ha podido|pudo) entregar|mancato recapito|onbestelbaar|não (?:foi )?entreg|échec de (?:la )?(?:remise|distribution)|kunne ikke leveres|не доставлено|недоставлен|配信不能|配信できません|退信|投递失败|無法傳遞)",
    re.IGNORECASE,
)
BOUNCE_SENDER = re.compile(r"^(?:mailer-daemon|mail-daemon|postmaster|mdaemon|bounces?|double-bounce|mailerdaemon|mail[._-]?delivery[._-]?(?:sub)?system|post_master|microsoftexchange[0-9a-f]+)(?:[+@-]|$)", re.IGNORECASE)  # fmt: skip
BOUNCE_TEXT = re.compile(
    r"(?:could not be delivered|couldn't be delivered|wasn't delivered|was not delivered|not (?:be )?delivered|undeliverable|permanent (?:fatal )?error|delivery (?:has )?failed|delivery to the following|did(?: not|n't) reach"
    r"|returned to sender|user unknown|unknown user|no such user|mailbox (?:unavailable|full|not found)|recipient (?:rejected|address rejected|not found|unknown)|address(?:es)? (?:had|failed)|failed permanently|errors from |unrouteable address|i'm afraid i wasn't able to deliver"
    r"|this is a permanent error|message you sent|message that you sent)",
    re.IGNORECASE,
)
