"""Looking at an account: does it let us in, are the numbers its own, do their webhooks lead here?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway import AuthenticationFailed, ConnectorError, Context, Health, Rejected, Suspended
from gateway_sms_voice.numbers import Endpoint, endpoint
from gateway_sms_voice.providers.twilio.client import VERSION, TwilioClient
from gateway_sms_voice.providers.twilio.settings import TwilioSettings
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.webhooks import webhooks_health


async def probe(
    client: TwilioClient, settings: TwilioSettings, context: Context[PhoneSettings]
) -> Health:
    """Look from the outside in; the first thing that is wrong is told."""
    try:
        await _sign_in(client, settings)
        async for health in _numbers(client, settings, context):
            return health
    except ConnectorError as error:
        return Health(state="down", code=error.reason_code, reason=str(error))
    return await webhooks_health(context)


async def _sign_in(client: TwilioClient, settings: TwilioSettings) -> None:
    """Read the account.

    Raises:
        ConnectorError: with ``wrong_key`` or ``wrong_account`` in particular.
    """
    try:
        account = await client.get(f"{client.account_url}.json")
    except AuthenticationFailed:
        if settings.api_key and await _is_let_in(client):
            raise _wrong_account(settings) from None
        raise
    except Rejected as error:
        raise _wrong_account(settings) from error
    if account.get("status") not in (None, "active"):
        raise Suspended(
            f"the account is {account['status']}; see to it at the provider",
            code="account_suspended",
        )


async def _is_let_in(client: TwilioClient) -> bool:
    """Whether the key is good for some account at least."""
    try:
        await client.get(f"{client.base}/{VERSION}/Accounts.json", PageSize=1)
    except AuthenticationFailed:
        return False
    return True


def _wrong_account(settings: TwilioSettings) -> Rejected:
    return Rejected(
        f"the key is good, but not for account {settings.account_sid}: account_sid is another's, or "
        "the key belongs to another account",
        code="wrong_account",
    )


async def _numbers(
    client: TwilioClient, settings: TwilioSettings, context: Context[PhoneSettings]
) -> AsyncIterator[Health]:
    """Look each number up; what is wrong with them."""
    if not context.public_url:
        yield Health(
            state="degraded", code="no_public_url",
            reason="[gateway] public_url is not set, so that no webhook can be proven and no "
            "receipt comes back",
        )  # fmt: skip
    wanted = f"{context.public_url}/in/{context.name}/messages"
    for one in context.settings.numbers:
        number = endpoint(one, context.settings.region)
        if number.line != "sms" or not number.dialable:
            continue  # short codes, names and WhatsApp senders are listed elsewhere
        found = await _number(client, number)
        if found is None:
            yield Health(
                state="down", code="unknown_number",
                reason=f"the account has no number {number}; see numbers",
            )  # fmt: skip
            continue
        if context.settings.voice is not None:
            async for health in _voice(found, number, context):
                yield health
        if not settings.messaging_service and not found.get("sms_application_sid"):
            url = str(found.get("sms_url") or "").partition("#")[0]
            if url != wanted or str(found.get("sms_method") or "POST") != "POST":
                yield Health(
                    state="degraded", code="webhook_elsewhere",
                    reason=f"messages to {number} go to {url or 'nowhere'} at the provider; set its "
                    f"webhook to {wanted} (POST), or public_url to what is meant",
                )  # fmt: skip


async def _voice(
    found: Mapping[str, Any], number: Endpoint, context: Context[PhoneSettings]
) -> AsyncIterator[Health]:
    """Say where a number's calls go, if it is not here."""
    if found.get("voice_application_sid"):
        return
    answers = f"{context.public_url}/in/{context.name}/voice"
    for field, wanted, what in (
        ("voice_url", answers, "calls to"), ("status_callback", f"{answers}/status", "the ends of calls to"),
    ):  # fmt: skip
        url = str(found.get(field) or "").partition("#")[0]
        if url != wanted:
            yield Health(
                state="degraded", code="webhook_elsewhere",
                reason=f"{what} {number} go to {url or 'nowhere'} at the provider; set it to "
                f"{wanted} (POST), or take the table voice away",
            )  # fmt: skip


async def _number(client: TwilioClient, number: Endpoint) -> dict[str, Any] | None:
    pages = client.pages(
        "IncomingPhoneNumbers.json", "incoming_phone_numbers", PhoneNumber=number.value
    )
    async for found in pages:
        if found.get("phone_number") == number.value:
            return found
    return None
