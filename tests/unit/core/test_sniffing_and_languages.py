"""What a file is by its bytes, and in which language a text is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.connectors import TenantSettings
from gateway.config.policies import RedactionSettings
from gateway.core import languages
from gateway.core.languages import LANGUAGES, language_of
from gateway.core.policies import CorePolicies
from gateway.core.sniffing import sniff
from gateway.domain.message import Author, Message


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0..JFIF", "image/jpeg"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x03\x04....", "application/zip"),
        (b"MZ\x90\x00", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02", "application/x-elf"),
        (b"#!/bin/sh\n", "text/x-script"),
        (b"  \n<!DOCTYPE HTML><html>", "text/html"),
        (b"<ScRiPt>alert(1)</script>", "text/html"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "image/svg+xml"),
        (b"<SVG onload=x>", "image/svg+xml"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
        (b"just a text", ""),
        (b'<?xml version="1.0"?><feed/>', ""),
        (b"", ""),
        (b"PK", ""),
    ],
)
def test_what_the_bytes_show(head: bytes, media_type: str) -> None:
    """A file is known by its first bytes, whatever its sender calls it."""
    assert media_type == sniff(head)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(head: bytes) -> None:
    """Nothing is raised, and what is answered is a media type or nothing."""
    found = sniff(head)
    assert found == "" or found.count("/") == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The printer is on fire and nobody comes to help us here.", "en"),
        ("Der Drucker brennt und niemand kommt, um uns hier zu helfen.", "de"),
        ("L'imprimante est en feu et personne ne vient nous aider.", "fr"),
        ("La impresora está ardiendo y nadie viene a ayudarnos.", "es"),
        ("La stampante è in fiamme e nessuno viene ad aiutarci.", "it"),
        ("De printer staat in brand en niemand komt ons helpen.", "nl"),
        ("A impressora está em chamas e ninguém vem nos ajudar.", "pt"),
        ("Drukarka się pali i nikt nie przychodzi nam pomóc.", "pl"),
        ("Принтер горит, и никто не приходит нам на помощь.", "ru"),
        ("プリンターが燃えていますが、誰も助けに来ません。早くしてください。", "ja"),
        ("ok thanks", ""),
        ("12345 67890 12345 67890 !!!", ""),
        ("", ""),
    ],
)
def test_language_of_a_text(text: str, language: str) -> None:
    """The language of a sentence is told; of a word or two nothing is claimed."""
    assert language == language_of(text)


SENTENCES = {
    "ar": "متى ستصل الطلبية التي دفعت ثمنها الأسبوع الماضي؟",
    "bg": "Кога ще пристигне поръчката, която платих миналата седмица?",
    "ca": "Quan arribarà la comanda que vaig pagar la setmana passada?",
    "cs": "Kdy dorazí objednávka, kterou jsem zaplatil minulý týden?",
    "da": "Hvornår kommer den ordre, som jeg betalte i sidste uge?",
    "de": "Wann kommt die Bestellung, die ich letzte Woche bezahlt habe?",
    "el": "Πότε θα φτάσει η παραγγελία που πλήρωσα την περασμένη εβδομάδα;",
    "en": "When will the order that I paid for last week arrive?",
    "es": "¿Cuándo llegará el pedido que pagué la semana pasada?",
    "et": "Millal saabub tellimus, mille eest ma eelmisel nädalal maksin?",
    "fa": "سفارشی که هفته گذشته پول آن را پرداختم کی می‌رسد؟",
    "fi": "Milloin viime viikolla maksamani tilaus saapuu perille?",
    "fr": "Quand arrivera la commande que j'ai payée la semaine dernière ?",
    "he": "מתי תגיע ההזמנה ששילמתי עליה בשבוע שעבר?",
    "hi": "पिछले हफ्ते मैंने जिस ऑर्डर का भुगतान किया था वह कब आएगा?",
    "hr": "Kada će stići narudžba koju sam platio prošlog tjedna?",
    "hu": "Mikor érkezik meg a rendelés, amelyet a múlt héten fizettem ki?",
    "id": "Kapan pesanan yang saya bayar minggu lalu akan tiba di rumah?",
    "it": "Quando arriverà l'ordine che ho pagato la settimana scorsa?",
    "ja": "先週支払った注文の品物はいつ私の家に届きますか。教えてください。",
    "ko": "지난주에 결제한 주문 상품은 언제 저희 집에 도착하나요? 알려 주세요.",
    "lt": "Kada atvyks užsakymas, už kurį sumokėjau praėjusią savaitę?",
    "lv": "Kad pienāks pasūtījums, par kuru es samaksāju pagājušajā nedēļā?",
    "nb": "Hvorfor har ikke varene jeg betalte for i forrige uke kommet ennå?",
    "nl": "Wanneer komt de bestelling aan die ik vorige week heb betaald?",
    "pl": "Kiedy dotrze zamówienie, za które zapłaciłem w zeszłym tygodniu?",
    "pt": "Quando vai chegar a encomenda que paguei na semana passada?",
    "ro": "Când va ajunge comanda pe care am plătit-o săptămâna trecută?",
    "ru": "Когда придёт заказ, который я оплатил на прошлой неделе?",
    "sk": "Kedy dorazí objednávka, ktorú som zaplatil minulý týždeň?",
    "sl": "Kdaj bo prispelo naročilo, ki sem ga plačal prejšnji teden?",
    "sv": "När kommer beställningen som jag betalade för förra veckan?",
    "th": "คำสั่งซื้อที่ฉันจ่ายเงินเมื่อสัปดาห์ที่แล้วจะมาถึงเมื่อไหร่",
    "tr": "Geçen hafta parasını ödediğim sipariş ne zaman gelecek?",
    "uk": "Коли прийде замовлення, яке я оплатив минулого тижня?",
    "vi": "Khi nào đơn hàng mà tôi đã thanh toán tuần trước sẽ đến nơi?",
    "zh": "我上个星期已经付款的订单什么时候可以送到我家里？请尽快告诉我。",
}


def test_every_language_has_a_sentence() -> None:
    """No language is claimed that is not tried."""
    assert set(LANGUAGES) == set(SENTENCES)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("quick", [True, False], ids=["both detectors", "lingua alone"])
def test_a_sentence_of_each_language(
    code: str, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One question is told in all languages, with and without the quicker library."""
    if not quick:
        monkeypatch.setattr(languages, "pycld2", None)
    assert code == language_of(SENTENCES[code])


@given(st.text(st.characters(), max_size=300))
def test_any_text_is_answered(text: str) -> None:
    """Half of a character or one that is for nobody to exchange raises nothing."""
    found = language_of(text)
    assert found == "" or found in LANGUAGES


def message(text: str, **fields: Any) -> Message:
    """A message as it comes in."""
    return Message(
        id=1, tenant=fields.pop("tenant", "default"), conversation=0, seq=0, direction="in",
        author=Author(kind="customer"), text=text, received_at=0, recorded_at=0, **fields,
    )  # fmt: skip


async def test_language_that_is_known_is_not_guessed() -> None:
    """What a channel says of the language stands."""
    policies = CorePolicies(RedactionSettings(), {})
    assert None is await policies.enrich_message(message("Der Drucker brennt sehr", language="en"))


async def test_cards_are_redacted_for_whom_the_policy_names() -> None:
    """Each audience of the policy sees black, a tenant's own policy goes first."""
    tenants = {"acme": TenantSettings(redaction=RedactionSettings(card_numbers=()))}
    policies = CorePolicies(RedactionSettings(card_numbers=("forward",)), tenants)
    paid = message("4111 1111 1111 1111", subject="4111111111111111", quoted="> 4111-1111-1111-1111",
                   html="<p>4111&nbsp;1111&nbsp;1111&nbsp;1111</p>")  # fmt: skip
    redacted = await policies.redact_message(paid, "forward")
    assert isinstance(redacted, Message)
    shown = (redacted.subject, redacted.text, redacted.quoted, redacted.html)
    card = "[card …1111]"
    assert (card, card, f"> {card}", f"<p>{card}</p>") == shown
    assert None is await policies.redact_message(paid, "store")
    assert None is await policies.redact_message(
        message("4111111111111111", tenant="acme"), "forward"
    )
