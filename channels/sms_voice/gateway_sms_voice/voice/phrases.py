"""What is said to callers, by language; the configuration may say it in other words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Phrase = Literal[
    "greeting", "consent", "message", "callback", "reference", "code", "language", "this_language",
    "speak", "thanks", "goodbye", "will_call", "no_number", "key_code", "code_right", "code_wrong",
    "number_is", "no_reference", "not_understood", "say_message", "say_callback", "say_reference",
    "say_code", "say_language",
]  # fmt: skip

BUILT_IN: Mapping[str, Mapping[Phrase, str]] = {
    "en": {
        "greeting": "Hello, and thank you for calling.",
        "consent": "If you leave a message, it is recorded and written down.",
        "message": "To leave a message, press {digit}.",
        "callback": "To be called back, press {digit}.",
        "reference": "To hear the number of an open matter, press {digit}.",
        "code": "If you were given a code of six digits, press {digit}.",
        "language": "For another language, press {digit}.",
        "this_language": "For English, press {digit}.",
        "speak": "Please speak after the tone, and press the hash key when you are done.",
        "thanks": "Thank you. We will take care of it. Goodbye.",
        "goodbye": "Goodbye.",
        "will_call": "Thank you. We will call you back at the number you are calling from. Goodbye.",
        "no_number": "We cannot see your number. Please leave a message and say it.",
        "key_code": "Please key in the six digits.",
        "code_right": "Thank you. This call now belongs to your matter.",
        "code_wrong": "This code is not valid.",
        "number_is": "The number of your matter is {number}.",
        "no_reference": "We cannot tell you a number on this call. If you were given a code, please "
        "use it, or leave a message.",
        "not_understood": "I did not understand that.",
        "say_message": "message, leave a message, voicemail, record",
        "say_callback": "call back, callback, call me",
        "say_reference": "reference, number, ticket, status",
        "say_code": "code, digits",
        "say_language": "language",
    },
    "de": {
        "greeting": "Guten Tag, und danke für Ihren Anruf.",
        "consent": "Wenn Sie eine Nachricht hinterlassen, wird sie aufgezeichnet und niedergeschrieben.",
        "message": "Um eine Nachricht zu hinterlassen, drücken Sie die {digit}.",
        "callback": "Um zurückgerufen zu werden, drücken Sie die {digit}.",
        "reference": "Um die Nummer eines offenen Vorgangs zu hören, drücken Sie die {digit}.",
        "code": "Wenn Sie einen Code aus sechs Ziffern erhalten haben, drücken Sie die {digit}.",
        "language": "Für eine andere Sprache drücken Sie die {digit}.",
        "this_language": "Für Deutsch drücken Sie die {digit}.",
        "speak": "Bitte sprechen Sie nach dem Ton, und drücken Sie am Ende die Rautetaste.",
        "thanks": "Vielen Dank. Wir kümmern uns darum. Auf Wiederhören.",
        "goodbye": "Auf Wiederhören.",
        "will_call": "Vielen Dank. Wir rufen Sie unter der Nummer zurück, von der Sie anrufen. "
        "Auf Wiederhören.",
        "no_number": "Wir können Ihre Nummer nicht sehen. Bitte hinterlassen Sie eine Nachricht, und "
        "nennen Sie sie darin.",
        "key_code": "Bitte geben Sie die sechs Ziffern ein.",
        "code_right": "Vielen Dank. Dieser Anruf gehört jetzt zu Ihrem Vorgang.",
        "code_wrong": "Dieser Code ist nicht gültig.",
        "number_is": "Die Nummer Ihres Vorgangs ist {number}.",
        "no_reference": "In diesem Anruf können wir Ihnen keine Nummer nennen. Wenn Sie einen Code "
        "erhalten haben, verwenden Sie ihn bitte, oder hinterlassen Sie eine Nachricht.",
        "not_understood": "Das habe ich nicht verstanden.",
        "say_message": "Nachricht, Nachricht hinterlassen, Mailbox",
        "say_callback": "Rückruf, zurückrufen, rufen Sie mich",
        "say_reference": "Nummer, Vorgang, Ticket",
        "say_code": "Code, Ziffern",
        "say_language": "Sprache",
    },
    "fr": {
        "greeting": "Bonjour, et merci de votre appel.",
        "consent": "Si vous laissez un message, il sera enregistré et transcrit.",
        "message": "Pour laisser un message, appuyez sur {digit}.",
        "callback": "Pour être rappelé, appuyez sur {digit}.",
        "reference": "Pour entendre le numéro d'un dossier ouvert, appuyez sur {digit}.",
        "code": "Si vous avez reçu un code à six chiffres, appuyez sur {digit}.",
        "language": "Pour une autre langue, appuyez sur {digit}.",
        "this_language": "Pour le français, appuyez sur {digit}.",
        "speak": "Veuillez parler après le signal, puis appuyez sur la touche dièse.",
        "thanks": "Merci. Nous nous en occupons. Au revoir.",
        "goodbye": "Au revoir.",
        "will_call": "Merci. Nous vous rappellerons au numéro depuis lequel vous appelez. Au revoir.",
        "no_number": "Nous ne voyons pas votre numéro. Veuillez laisser un message en l'indiquant.",
        "key_code": "Veuillez saisir les six chiffres.",
        "code_right": "Merci. Cet appel fait maintenant partie de votre dossier.",
        "code_wrong": "Ce code n'est pas valable.",
        "number_is": "Le numéro de votre dossier est {number}.",
        "no_reference": "Nous ne pouvons pas vous donner de numéro pendant cet appel. Si vous avez "
        "reçu un code, utilisez-le, ou laissez un message.",
        "not_understood": "Je n'ai pas compris.",
        "say_message": "message, laisser un message, répondeur",
        "say_callback": "rappeler, rappel, rappelez-moi",
        "say_reference": "numéro, dossier",
        "say_code": "code, chiffres",
        "say_language": "langue",
    },
    "es": {
        "greeting": "Hola, y gracias por llamar.",
        "consent": "Si deja un mensaje, se grabará y se transcribirá.",
        "message": "Para dejar un mensaje, pulse {digit}.",
        "callback": "Para que le devolvamos la llamada, pulse {digit}.",
        "reference": "Para oír el número de un asunto abierto, pulse {digit}.",
        "code": "Si ha recibido un código de seis cifras, pulse {digit}.",
        "language": "Para otro idioma, pulse {digit}.",
        "this_language": "Para español, pulse {digit}.",
        "speak": "Hable después de la señal y pulse la tecla almohadilla al terminar.",
        "thanks": "Gracias. Nos ocuparemos de ello. Adiós.",
        "goodbye": "Adiós.",
        "will_call": "Gracias. Le llamaremos al número desde el que llama. Adiós.",
        "no_number": "No podemos ver su número. Deje un mensaje y díganoslo.",
        "key_code": "Introduzca las seis cifras.",
        "code_right": "Gracias. Esta llamada forma parte ahora de su asunto.",
        "code_wrong": "Este código no es válido.",
        "number_is": "El número de su asunto es {number}.",
        "no_reference": "No podemos decirle un número en esta llamada. Si ha recibido un código, "
        "utilícelo, o deje un mensaje.",
        "not_understood": "No le he entendido.",
        "say_message": "mensaje, dejar un mensaje, buzón",
        "say_callback": "devolver la llamada, llámeme",
        "say_reference": "número, asunto",
        "say_code": "código, cifras",
        "say_language": "idioma",
    },
}


def phrase(
    name: Phrase, language: str, own: Mapping[str, Mapping[Phrase, str]], **filled: object
) -> str:
    """Give a phrase in a language, in the operator's words where there are any.

    Args:
        own: the configuration's, by language.
        filled: what stands in braces; braces that nothing fills stay as they are.
    """
    given = own.get(language, {})
    text = given[name] if name in given else BUILT_IN[language.partition("-")[0]][name]
    for key, value in filled.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text
