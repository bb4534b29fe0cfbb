"""What people ask every taquería, and what this one's files do not say: rules as data, words for words."""

from __future__ import annotations

import re

from agents.offline.intent_types import Intent
from agents.offline.reading.fetching import ASKS_WHETHER

# What no file of the taquería says anything about: each has its words in `UNKNOWN`.
_UNKNOWN: tuple[tuple[str, str], ...] = (
    (
        "other_day",
        r"(?<!la )(?<!in )manana|(?:para|pa) el (?:lunes|martes|miercoles|jueves|viernes|sabado|domingo)|"
        r"(?:for|on) (?:monday|tuesday|wednesday|thursday|friday|saturday)|tomorrow|next week|la (?:otra|"
        r"proxima) semana|"
        r"program\w+|schedule\w*|mas tarde|para las \d+|at \d+ ?pm",
    ),
    (
        "hours",
        r"horarios?|how late|(?:hasta|desde) que hora|(?:until|till|til) what time|trabajan|laboran|"
        r"dias? festivos?|servicio (?:el|los|hoy)|abr(?:en|ir|ieron)|"
        r"abiert[oa]s?|cierran|cerraron|cerrad[oa]s?|opening|closing|"
        r"(?:are )?(?:you|u) (?:guys )?(?:still )?open|"
        r"open (?:until|on|today|now|late|right now)|(?:when|what time) do you (?:guys )?(?:open|close)",
    ),
    (
        "where",
        r"ubicad\w+|ubicacion|sucursal\w*|donde (?:quedan|se encuentran)|located|location|your address|"
        r"su direccion|how do i get there|como llego|where are you(?: guys)?(?= ?\W*$)",
    ),
    (
        "fee",
        r"(?:cuanto|costo|precio|cobran) .{0,20}envios?|envio gratis|free delivery|delivery (?:fee|charge|cost)s?|"
        r"how much (?:is|for|do you charge for) (?:the )?delivery",
    ),
    (
        "area",
        r"hasta donde (?:entregan|llegan|llevan|reparten)|how far do you deliver|zonas? de entrega|"
        r"(?:entregan|llegan|reparten) (?:en|a|hasta) (?!domicilio)(?:la |el )?\w+(?!.*\d)|"
        r"(?:hacen|mandan|tienen|tienes|hay) "
        r"(?:servicio de )?(?:envios?|entregas?) (?:a|en|hasta) (?!domicilio)(?:la |el )?\w+(?!.*\d)|"
        r"do you deliver (?:to|in) (?!.*\d)\w+",
    ),
    (
        "minimum",
        r"(?:pedido|compra|consumo) minim[oa]|minim[oa] de (?:compra|pedido|consumo)|(?:hay|tienen|"
        r"cual es el) minimo|minimum order|order minimum|minimum for delivery",
    ),
    ("invoice", r"factur\w+|invoice|receipt"),
    (
        "paying",
        r"tarjetas?|efectivo|american express|amex|vales? (?:de )?despensa|sodexo|edenred|cambio (?:de|"
        r"para) \d+|change for|"
        r"billetes?|pag(?:ar|o|os|an|amos)|propina|"
        r"transferencia|terminal|mercado ?pago|debito|"
        r"credit card|debit card|pay|payment|cash|tip|apple pay|venmo|(?:dividir|separar|partir) la cuenta|"
        r"cuentas? (?:separad|aparte)\w*|split the (?:bill|check)|separate (?:bills|checks)",
    ),
    (
        "place",
        r"wi-?fi|musica|live music|pantallas?|lugar (?:para|pa)|sentar(?:se|me|nos)|terraza|dine[- ]in|"
        r"seating|a place to sit|"
        r"estacionamiento|parking|reserv\w+|mesas?|tables?|restrooms?|mascotas|pet friendly",
    ),
    ("jobs", r"trabajo|empleo|contratando|vacantes?|hiring|any jobs"),
    (
        "events",
        r"(?:hacen|atienden|cubren) (?:eventos?|fiestas?)|eventos|catering|banquetes?|"
        r"taquizas?|do you (?:guys )?cater",
    ),
    (
        "phone",
        r"(?:su|tu|un) (?:(?:numero de )?tel(?:efono)?|(?:numero de )?cel(?:ular)?)|numero para llamar|"
        r"llam(?:ar|a|en)me|marcarme|"
        r"your (?:phone )?number|call you",
    ),
)
# What can be said without a tool. Later ones only if no earlier one is meant.
_SAID: tuple[tuple[str, str], ...] = (
    (
        "both_ways",
        rf"{ASKS_WHETHER}|"
        r"(?:se )?pued[eo][ns]? (?:pasar|ir|recoger)(?:lo|la|los)?(?: (?:por|a) \w+)?(?= ?\W*$)|es para llevar o|"
        r"can i (?:pick (?:it )?up|come (?:get|for) it|collect)|do you (?:do|have) (?:pick ?up|take ?out|takeaway)",
    ),
    (
        "extras",
        r"(?:tienen|tienes|hay|mandan|ponen|cobran|cuesta|traen|incluyen?|vienen?|con que|que) .{0,20}"
        r"(?:salsas?|limon(?:es)?|servilletas|cubiertos|verdura|popotes?)\b|con que (?:vienen?|sirven|van)|"
        r"(?:do|does|are|can|which|what) .{0,40}(?:salsas?|limes?|napkins|forks?|cutlery|straws?)\b|"
        r"come with (?:salsa|limes?|onions?|everything)|"
        r"que salsas?",
    ),
    (
        "kids",
        r"para (?:ninos?|ninas?|chiquitos|bebes?)|menu infantil|kids'?(?: menu| meals?)?|for (?:kids|children)|"
        r"child\w*",
    ),
    (
        "favourite",
        r"mas (?:vendid|popular|pedid|famos|ric)\w*|la especialidad|su especialidad|el mejor|(?:most )?popular|"
        r"best ?seller|your best|speciality|specialty|que (?:se )?pide mas",
    ),
    ("spicy", r"pica(?:n|nte|ntes|nton|ntosos?)?|picos[oa]s?|pique[n]?|enchilos[oa]s?|spicy|hot sauce|chilos[oa]s?"),
    (
        "how_long",
        r"cuanto (?:tiempo )?(?:se )?(?:tardan|demoran|tardarian|tarda(?:ria)? un pedido)|"
        r"wait times?|(?:van?|vas) a tardar|tiempo de espera|how long (?:is|'s) the wait|how long (?:does|do|"
        r"would) (?:delivery|"
        r"an order|you|orders|pick ?up|it usually)|"
        r"tengo (?:mucha )?prisa|in a (?:hurry|rush)|es urgente|me urge",
    ),
)
_SMALL_TALK: tuple[tuple[str, str], ...] = (
    (
        "no_trouble",
        r"perdon(?:a|e)?(?: por)? la molestia|disculp\w+ (?:la|por la) molestia|sorry (?:to|for) (?:bother|"
        r"the trouble)\w*",
    ),
    (
        "glad",
        r"(?:estuv\w+|estaban?|est[ao]s?|quedaron|muy|was|were|so|really) .{0,20}"
        r"(?:ric[oa]s?|buenisim\w+|delicios\w+|riquisim\w+|delicious|tasty|yummy|awesome)|me encant\w+|loved it|"
        r"te amo|i love you|eres (?:lo maximo|genial)|you'?re (?:the best|great|awesome)|"
        r"best (?:\w+ )?(?:tacos?|food|meal|place) ever|te quiero mucho|"
        r"eres .{0,10}(?:chid[oa]|padre|crack|buena onda)",
    ),
)
_WRONG = re.compile(
    r"\b(?:no me (?:lleg(?:o|aron)|trajeron|dieron|mandaron|pusieron) (?:el |la |mi |los |las |un |una )"
    r"(?!pedido|orden|comida|entrega|nada)\w+|me falt(?:o|aron)|(?:me |nos )?lleg(?:o|aron) (?:(?:todo|toda|"
    r"todos|muy|bien|bastante|la comida|los tacos|mi \w+) )*(?:mal|fri\w+|aguad\w+|sec[oa]s?|dur[oa]s?|"
    r"tirad\w+|derramad\w+|batid\w+|incomplet\w+|"
    r"tarde y|otr\w+|equivocad\w+)|"
    r"(?:me )?(?:trajeron|mandaron|dieron|entregaron) (?:otr[ao]|mal|equivocad\w+|incomplet\w+|lo que no)|"
    r"(?:vino|vinieron|venian?|viene|vienen|salio) (?:todo |muy |bien )?(?:mal|fri[oa]s?|incomplet\w+|"
    r"equivocad\w+)|no (?:es|"
    r"era) lo que pedi|pedido (?:equivocado|incompleto)|orden (?:equivocada|incompleta)|se equivoc\w+|"
    r"(?:se les|les|te) olvid(?:o|aron)|pedi .{0,40} y (?:trae|traen|tiene|vino|venia|llego|me)\b.*|"
    r"(?:esta|estan|estaba|estaban|vino|vinieron) (?:fri[oa]s?|crud[oa]s?|quemad[oa]s?|echad[oa]s? a perder|"
    r"horrible\w*)|"
    r"se me (?:cayo|cayeron|derramo|tiro)|(?:trai?an?|tenia|venia con|had|with) (?:un |una |a )?(?:pelos?|"
    r"cabellos?|mosca|cucaracha|"
    r"gusano|bicho|hair|bug|fly|roach)|nunca (?:mas )?vuelvo|no vuelvo a|never (?:again|ordering)|"
    r"groser[oa]s?|(?:muy )?mal servicio|(?:was|were|is|so|very|super) rude|bad service|asco|porqueria|pesimo|"
    r"pesima|horrible|terrible|disgusting|worst|"
    r"(?:regres\w+|devuel\w+|devolver) (?:mi|el) dinero|money back|cobraron (?:de mas|doble)|overcharged|"
    r"charged (?:me )?twice|"
    r"estoy (?:muy )?(?:molest\w+|enojad\w+)|i'?m (?:very |really )?(?:upset|angry|furious)|"
    r"you forgot|missing (?:from|an|a|my|the)|(?:is|are|was) missing|wrong (?:order|food|dish|tacos?|items?|one)|"
    r"not what i (?:ordered|asked)|(?:food|tacos?|it|order|everything) (?:is|was|are|were|came|arrived) "
    r"(?:\w+ )?(?:cold|raw|burnt|wrong|bad)|i (?:asked|ordered|said) .{0,40} (?:but|and) (?:it|i|they|you)\b.*)"
)
_UNKNOWN_PATTERNS = tuple((name, re.compile(rf"\b(?:{pattern})\b")) for name, pattern in _UNKNOWN)
_SAID_PATTERNS = tuple((name, re.compile(rf"\b(?:{pattern})\b")) for name, pattern in _SAID)
_SMALL_TALK_PATTERNS = tuple((name, re.compile(rf"\b(?:{pattern})\b")) for name, pattern in _SMALL_TALK)


def _first(patterns: tuple[tuple[str, re.Pattern[str]], ...], compared: str) -> str:
    return next((name for name, pattern in patterns if pattern.search(compared)), "")


def unknown(compared: str) -> str:
    """What is asked that no file of the taquería says: its name in `UNKNOWN`."""
    return _first(_UNKNOWN_PATTERNS, compared)


def something_is_wrong(compared: str) -> bool:
    """A complaint about food that has come: nothing that rules could mend."""
    return bool(_WRONG.search(compared))


def asked_every_day(compared: str) -> str:
    """A question that has one answer for everybody: its name in `SAID`."""
    return _first(_SAID_PATTERNS, compared)


def small_talk(compared: str) -> Intent | None:
    name = _first(_SMALL_TALK_PATTERNS, compared)
    return Intent(say=name) if name else None
