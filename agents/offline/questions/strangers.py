"""What is asked about other people: nobody's orders are told but the asker's own."""

from __future__ import annotations

import re

from agents.offline.intent_types import Intent

_THINGS = (
    r"(?:pedidos?|orden(?:es)?|orders?|telefonos?|celular(?:es)?|direccion(?:es)?|address(?:es)?|phones?(?: numbers?)?|"
    r"datos|nombres|names|tarjetas?|cards?|chats?|conversacion(?:es)?|mensajes|messages|info\w*|details|whats\w*|cel)"
)
_PEOPLE = (
    r"(?:client[ae]s?|usuari[oa]s?|personas?|gente|vecin[oa]s?|comensal(?:es)?|repartidor(?:es)?|emplead[oa]s?|"
    r"customers?|users?|people|guests?)"
)
_OF_OTHERS = (
    rf"(?:del? (?:todos(?! los (?!client|usuari|pedid))|todo el mundo|l[oa]s demas|alguien mas|otros?(?=\W*$)|"
    rf"(?:el |la |los |las |un |una |tus? |sus? )?(?:otr[oa]s? |ultim[oa]s? )?{_PEOPLE})|"
    rf"(?:of|for|from|belonging to) (?:all |every |the |any |an)?(?:other |last |previous )?(?:one|body|everyone|"
    rf"everybody|someone else|others|{_PEOPLE}))"
)
_THEIRS = (
    r"(?:everyone|everybody|someone else|somebody else|other (?:people|customer|person|user)s?|"
    r"(?:all|every|the other|the last|another) (?:customer|user|client)s?)"
)
_ALL = r"todos los (?:pedidos|clientes|telefonos|datos|chats)|all (?:of )?(?:the |your )?(?:customers|clients|users)"
_SHOWS = (
    r"(?:dame|deme|dime|dinos|pasame|muestra\w*|ensena\w*|lista\w*|manda\w*|quiero (?:ver|saber)|ver|quien(?:es)?|"
    r"show|give|tell|list|read|see|send|who|what)"
)
_ASKED = re.compile(
    rf"\b(?:(?:pedido|orden) de mi vecin[oa]\b|pedidos (?:de la|del) (?:taqueria|restaurante|local|negocio)\b|"
    rf"{_THINGS}\b.{{0,20}}\b{_OF_OTHERS}\b|{_THEIRS}(?:'?s)? {_THINGS}\b|"
    rf"{_SHOWS}\b.{{0,30}}\b(?:{_ALL}|sus (?:telefonos|direcciones|datos|nombres))\b|"
    r"(?:show|give|list|see|read|tell)\b.{0,20}\ball (?:the )?orders|"
    r"cancel\w* (?:todos los pedidos|all (?:the )?orders)|quien(?:es)? (?:mas )?(?:hizo|hicieron|pidio|"
    r"pidieron|ordeno|ordenaron)|que (?:pidio|pidieron|ordeno|compro) (?!yo\b)\w+|"
    r"what did (?!i\b|we\b|you\b)\w+(?: \w+)? (?:order|buy)|who (?:else )?(?:ordered|placed))\b"
)


# Nobody is given these by being asked.
_KEYS = re.compile(
    r"\b(?:(?:acceso|permisos?|modo|clave|access|mode|rights) (?:de |of )?(?:administrador\w*|admin|gerente|"
    r"root|developer)|"
    r"admin(?:istrator)? (?:access|mode|rights|password)|contrasenas?|passwords?|api key)\b"
)


def strangers_asked(compared: str) -> Intent | None:
    if _KEYS.search(compared):
        return Intent(say="not_allowed")
    return Intent(say="only_yours") if _ASKED.search(compared) else None
