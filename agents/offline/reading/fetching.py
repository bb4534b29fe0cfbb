"""Who an order is for, and how they get it: names, addresses, and the phrases for pickup and delivery."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.language import word_set
from agents.offline.text.lexicon import KIN, SMALL_WORDS
from agents.offline.text.words import bare
from hub.domain.menu import plain

if TYPE_CHECKING:
    from agents.offline.reading.dishes import Dishes
    from agents.offline.reading.wanted import Draft

# Whether we deliver at all: a question, and no wish to have it brought.
ASKS_WHETHER = (
    r"(?:tienen|tienes|hay|hacen|manejan|ofrecen|dan|cuentan con) (?:el )?(?:servicio )?(?:a |de )?"
    r"(?:domicilio|envios?|entregas?|reparto|delivery)(?: a domicilio)?|"
    r"(?<!me )(?<!lo )(?<!los )(?<!las )(?<!la )(?:entrega|lleva|reparte|manda|envia)[ns]? a domicilio|"
    r"do you (?:guys )?(?:do |have |offer )?deliver(?:y|ies)?\b(?! (?:to|at))|is there delivery"
)
_WHETHER_WE_DELIVER = re.compile(rf"\b(?:{ASKS_WHETHER})\b")

_NAME = re.compile(
    r"(?:\bsoy(?: (?:el|la)(?= (?-i:[A-ZÁÉÍÓÚÑ])))?|\bme llamo|\bmi nombre es|\ba nombre del?|"
    r"\bnombre(?:\s*(?:es|:)|(?=\s+(?-i:[A-ZÁÉÍÓÚÑ])))|"
    r"\b(?:it'?s|es|is) (?:for|para)(?=\s+(?-i:[A-ZÁÉÍÓÚÑ]))|"
    r"\bi'?m|\bi’m|\bi am|\bmy name is|"
    r"\bmy name's|\bname'?s\b|\bname(?:\s*(?:is|:)|(?=\s+(?-i:[A-ZÁÉÍÓÚÑ])))|\bunder the name(?: of)?|\bunder|"
    r"\bthis is|\bcall me)\s+"
    r"((?:[^\W\d_][\w'’-]*)(?:\s+[^\W\d_][\w'’-]*){0,3})",
    re.IGNORECASE,
)
# "…, pick up. Marcus", "…, pickup for Dana": at the end, and in capitals.
_NAME_AT_END = re.compile(
    r"(?:[,.;]|\b(?:para|for))\s*((?-i:[A-ZÁÉÍÓÚÑ])[^\W\d_A-Z]+(?: (?-i:[A-ZÁÉÍÓÚÑ])[^\W\d_A-Z]+)?)"
    r"(?=[\s.,!]*(?:\Z|,\s*(?:paso|recojo|voy|para (?:llevar|recoger)|pa llevar|to go|pick)\b))"
)
_NO_NAME = word_set(
    """
    vegetariano vegetariana vegano vegana alergico alergica intolerante de del el la un una yo cliente nuevo
    nueva hungry allergic vegetarian vegan looking here a an the not in at on waiting calling new gonna going
    ready done sorry still just trying interested celiaco diabetico urgente
    """
)
# A message with one of these is no name, whatever else is in it: a question, a doubt, a hello in another language.
NO_BARE_NAME = word_set(
    """
    cuanto cuanta cuantos cual que quien donde cuando porque total cuenta how much many what who where when why no
    not see aun todavia despues luego later jaja jajaja jeje haha lol casa home aqui here nombre name perdon espera
    espere esperame wait hmm mmm eh algo something mas more cada each otro otra todo todos all ahorita dont know
    nada nothing none
    bonjour salut ciao hallo servus ola oi obrigado merci danke tschuss prego grazie privet aloha namaste привет
    здравствуйте спасибо да нет пока здрасте добрый как مرحبا שלום 你好 谢谢 こんにちは 안녕하세요 안녕 γεια
    """
)
_NAME_ENDS = word_set(
    """
    y e and para por con quiero quisiera dame ponme me a en que lo el la gracias please thanks for to at from
    pick pickup delivery deliver recoger llevar paso voy i we it is es will estoy mi my
    """
)
_DELIVERY = re.compile(
    r"\ba domicilio\b|\bdomicilio\b|\benvi(?:o|ar|en|a|ame|amelo|enmelo)\b|\bmand(?:a|en|ar)(?:me|melo|lo|"
    r"los|nos|noslo)\b|"
    r"\bmandar\b|\btra(?:er|igan|iganme|iganmelo|emelo|eme)\b|\bllev(?:en|a|enme|enmelo|amelo|arlo a|arme)\b|"
    r"\bme l[oa]s? (?:lleva|trae|manda)[sn]?\b|\bentreg(?:a|ar|uen|uenlo)\b|\breparto\b|"
    r"\bdeliver(?:y|ed)?\b|\bbring (?:it|them|me)\b|\bsend (?:it|them)\b"
)
_PICKUP = re.compile(
    r"\bpa(?:ra)? llevar\b|\brecog(?:er|erlo|erlos|emos)\b|(?:\byo )?\brecojo\b(?: yo\b)?|"
    r"\bpas(?:o|amos|are) (?:por|a)(?: ell?[ao]?s?)?\b|"
    r"\bpasar(?:e)? (?:por|a)(?: ell?[ao]?s?)?\b|"
    r"\bvoy por\b|\bpara aqui\b|\bpara comer (?:ahi|alli|aqui)\b|\bpick(?:ing)? ?(?:it |them )?up\b|"
    r"\bpickup\b|\bpick up\b|"
    r"\bto go\b|\btake ?(?:away|out)\b|\bcollect\b|\bfor here\b|\bi'?ll (?:come|pass) (?:by|for|get)\b|"
    r"\bpaso yo\b|\b(?:swing|come|drop) by\b|(?<!que )(?<!ya )(?<!me )\bpaso(?= ?(?:,|$|en\b|como\b|a las\b))"
)
_STREET = (
    r"(?:calle|av\.|avenida|av|calz\.|calzada|col\.|colonia|privada|priv\.|blvd\.?|boulevard|cerrada|"
    r"andador|paseo|"
    r"edificio|carretera|callej[oó]n|prolongaci[oó]n|circuito|eje|plaza|street|avenue|road)"
)
_ADDRESS = re.compile(
    r"(?:\b(?:mi )?direcci[oó]n(?: de entrega)?(?:\s+(?:es|a))?\s*:?|\bmy address is|\baddress(?:\s+(?:is|to))?\s*:?|"
    r"\bdomicilio\s*,?\s*(?:a|en|:)|"
    r"\bdeliver(?:y|ed)?(?: it| them)?(?: instead)? (?:to|at)|"
    r"\b(?:bring|send) (?:it|them|me this) to|\benv[ií]o (?:a|en)|"
    r"\b(?:env[ií]|m[aá]nd|ll[eé]v|tr[aá]i?g?)\w* (?:a|en)|\bentreg\w* (?:a|en)|\bllevan a|\btraen a|"
    r"\bmandan a)\s+(?!nombre\b)(.+)"
    r"|\b(?:estoy|estamos|vivo|vivimos|i'?m at|we'?re at|i live (?:at|on|in))\s+(?:en\s+)?([^,.;!?\n]*\d.*)"
    r"|\b(?:a|en|to|at|domicilio\s*[,:]|delivery\s*[,:])\s+((?-i:[A-ZÁÉÍÓÚÑ])[^\W\d]+(?:\s+(?:de|del|la|las|los|"
    r"(?-i:[A-ZÁÉÍÓÚÑ])[^\W\d]*))*\s+#?\d+\b.*)"
    r"|\b(?:to|at)\s+(\d{1,5}\s+(?:(?-i:[A-Z])[\w'.]*\s+){1,3}(?:st|ave?|rd|dr|ln|blvd|way|ct|place|pl|drive|lane|court)\b.*)"
    rf"|\b(?:(?:a|en|at|to)\s+)?(?:la\s+)?({_STREET}\s.+)",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS_ENDS = re.compile(
    r"[,.;]?\s*(?:\by\s+|\band\s+)?(?:\bsoy\b|\bme llamo\b|\bmi nombre\b|\ba nombre de\b|\bi'?m\b|"
    r"\bi am\b|\bmy name\b|\bunder\b|\bthis is\b|\bcall me\b|"
    r"\bname\s*(?:is|:)|\bname\s+(?=(?-i:[A-Z]))|\bpor favor\b|\bplease\b|\bgracias\b|\bthanks\b|"
    r"\bquiero\b|\bquisiera\b|"
    r"\bi want\b|\bi'd like\b|"
    r"\bpa(?:ra)? llevar\b)|"
    r"(?<!\bav)(?<!\bcol)(?<!\bcalz)(?<!\bno)(?<!\bnum)(?<!\bint)(?<!\bext)(?<!\bpriv)(?<!\bblvd)(?<!\besq)"
    r"[.;!?]\s+(?=[^\W\d_])|\n",
    re.IGNORECASE,
)
_AT_HOME = re.compile(rf"^(?:(?:a\s+)?mi casa[\s,:]+(?:en\s+|es\s+)?|la\s+(?={_STREET}\s))", re.IGNORECASE)
_LANDMARK = re.compile(
    r"\b(?:atras|detras|frente|enfrente|junto|a lado|al lado|esquina|entre|arriba|debajo|cerca|pasando|behind|"
    r"across|next to|"
    r"corner|above)\b"
)
_NOT_AN_ADDRESS = frozenset({"mi casa", "casa", "mi domicilio", "domicilio", "my house", "my place", "my home", "home"})


def take_address(text: str, draft: Draft) -> str:
    match = _ADDRESS.search(text)
    if match is None:
        return text
    group = next(n for n in range(1, 6) if match[n] is not None)
    address = _ADDRESS_ENDS.split(match[group], maxsplit=1)[0]
    end = match.start(group) + len(address)
    address = _AT_HOME.sub("", address.strip(" ,.;:!?\n"))
    if not address or plain(address) in _NOT_AN_ADDRESS:
        return text
    draft.address = address[:200]
    draft.delivery = "delivery"
    return f"{text[: match.start()]} , {text[end:]}"


def take_name(text: str, draft: Draft, dishes: Dishes) -> str:
    """The text without the name that it says, which goes into the draft."""
    for match in _NAME.finditer(text):
        said = re.match(r"\S+(?:\s+\S+){0,3}", match[1])
        words = said[0].split() if said else []
        while len(words) > 1 and plain(words[0]) in KIN:
            words = words[1:]
        kept: list[str] = []
        for word in words:
            if plain(word) in _NAME_ENDS or (kept and kept[0][:1].isupper() and not word[:1].isupper()):
                break
            kept.append(word)
        if kept and plain(kept[0]) not in _NO_NAME:
            draft.name = " ".join(kept)[:80]
            start = match.start(1)
            end = start + match[1].index(kept[-1], 0 if len(kept) == 1 else len(kept[0])) + len(kept[-1])
            return f"{text[: match.start()]} , {text[end:]}"
    if (last := _NAME_AT_END.search(text)) and not any(
        plain(word) in SMALL_WORDS | _NO_NAME | NO_BARE_NAME or dishes.knows(plain(word)) for word in last[1].split()
    ):
        draft.name = last[1]
        return f"{text[: last.start()]} , {text[last.end() :]}"
    return text


def delivery_in(text: str) -> str | None:
    compared = _WHETHER_WE_DELIVER.sub("", bare(text))
    if _DELIVERY.search(compared):
        return "delivery"
    return "pickup" if _PICKUP.search(compared) else None


def without_delivery(text: str) -> str:
    """The text without the phrases that say how it is fetched: "para llevar" is no wish about a taco."""
    for pattern in (_DELIVERY, _PICKUP):
        for match in reversed(list(pattern.finditer(bare(text)))):
            text = f"{text[: match.start()]} , {text[match.end() :]}"
    return text


def led_to(text: str, address: str) -> bool:
    """Whether the way is told before the street: "atrás del Oxxo de la calle 5"."""
    return bool(_LANDMARK.search(bare(text.split(address, 1)[0])))


def bare_address(text: str) -> str | None:
    """A message that is nothing but an address: the answer to "where to?"."""
    address = re.sub(r"^\s*(?:a|en|to|at|es|it's|its)\s+", "", text, flags=re.IGNORECASE)
    address = _ADDRESS_ENDS.split(address, maxsplit=1)[0].strip(" ,.;\n")
    return address[:200] if len(address) >= 4 and plain(address) not in _NOT_AN_ADDRESS else None
