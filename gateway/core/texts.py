"""Words the gateway itself says to customers."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config.connectors import TenantSettings

ACKNOWLEDGED: dict[str, str] = {
    "": "We have received your message and will answer it as soon as we can.\n\n"
    "Your reference: {reference}\n\n"
    "This message was sent automatically. You can reply to it to add something.",
    "de": "Wir haben Ihre Nachricht erhalten und antworten so bald wie möglich.\n\n"
    "Ihr Zeichen: {reference}\n\n"
    "Diese Nachricht wurde automatisch gesendet. Sie können darauf antworten, um etwas zu ergänzen.",
    "es": "Hemos recibido su mensaje y le responderemos lo antes posible.\n\n"
    "Su referencia: {reference}\n\n"
    "Este mensaje se envió automáticamente. Puede responder a él para añadir algo.",
    "fr": "Nous avons bien reçu votre message et vous répondrons dès que possible.\n\n"
    "Votre référence : {reference}\n\n"
    "Ce message a été envoyé automatiquement. Vous pouvez y répondre pour ajouter quelque chose.",
    "it": "Abbiamo ricevuto il suo messaggio e risponderemo appena possibile.\n\n"
    "Il suo riferimento: {reference}\n\n"
    "Questo messaggio è stato inviato automaticamente. Può rispondere per aggiungere qualcosa.",
    "nl": "We hebben uw bericht ontvangen en antwoorden zo snel mogelijk.\n\n"
    "Uw kenmerk: {reference}\n\n"
    "Dit bericht is automatisch verzonden. U kunt erop antwoorden om iets toe te voegen.",
    "pt": "Recebemos a sua mensagem e responderemos assim que possível.\n\n"
    "A sua referência: {reference}\n\n"
    "Esta mensagem foi enviada automaticamente. Pode responder para acrescentar algo.",
    "pl": "Otrzymaliśmy Twoją wiadomość i odpowiemy najszybciej, jak to możliwe.\n\n"
    "Twój numer: {reference}\n\n"
    "Ta wiadomość została wysłana automatycznie. Możesz na nią odpowiedzieć, aby coś dodać.",
}


def acknowledgements(tenants: Mapping[str, TenantSettings]) -> dict[str, dict[str, str]]:
    """The acknowledgement's words by tenant and language; a tenant's own replace the built-in."""
    return {name: ACKNOWLEDGED | dict(tenant.acknowledge) for name, tenant in tenants.items()}
