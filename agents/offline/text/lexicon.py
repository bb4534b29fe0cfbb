"""The small words of an order: what begins a wish, what ends one, what is no dish."""

from __future__ import annotations

from agents.language import COMMON, word_set
from agents.offline.text.words import ALSO, BREAKS, FILLERS

LEAVES_OUT = frozenset({"sin", "without"})
WISHES = frozenset({"easy", "sin", "without", "extra", "con", "with", "no", "bien", "poco", "poca", "well"})
WITH_OR_WITHOUT = frozenset({"con", "sin", "with", "without"})
ONE_MORE = frozenset({"otro", "otra", "another", "other"})
# Between a number and its wish: "que una sea sin queso", "2 of them without onion".
PART_OF_THEM = word_set("sea vaya vayan venga vengan va van esas esos ellas ellos them those these")
EXCEPT = frozenset({"menos", "excepto", "salvo", "except", "but"})
JOINS_WISH = EXCEPT | word_set("y ni o e and or nor de of con sin with without extra no")
WISH_SMALL = word_set(
    "el la los las lo the mi my en on in a al muy mucho mucha muchos mas poco poca bien very some any its su "
    "doble dobles double harta harto bastante poquita poquito tantita tantito hartas"
)
# What one kind of a garnish is called by, and the garnishes of which there are kinds.
GARNISH_KINDS = word_set(
    """
    verde verdes roja rojas rojo rojos blanca blanco amarillo aparte side separado separada picante picantes spicy dulce
    asada asado asadas asados frita frito macha habanera morita rallado picada picado natural chica please red green hot
    tostadito tostaditos calientito calientitos doraditos dorados calientes todos todas extra oaxaca chihuahua
    """
)
GARNISHES_OF_KINDS = word_set("salsa salsas chile chiles hot sour aceite")
OF_EACH = frozenset({"cada", "each"})
NO_WISH = word_set("eso esto that this gusto permiso calma cuidado prisa confianza problema problem")
OF_IT = frozenset({"su", "sus", "its", "their", "un", "una", "a"})
HALF = frozenset({"mitad", "half"})
THE_REST = frozenset({"demas", "resto", "rest", "others"})
AS_IT_COMES = frozenset({"normal", "normales", "regular", "plain", "sencillo", "sencilla", "solo", "sola"})
# No dish is sold by these.
MEASURES = word_set(
    "kilo kilos kg kgs kilito cuarto cuartito gramos gr pesos peso varos lana dolares dollars bucks "
    "pound pounds lb lbs ounces oz"
)
ENDS_WISH = frozenset({"para", "porfa", "please", "soy", "pero", "but", "tambien", "too", "also", "gracias", "thanks"})
SIZES = word_set(
    "grande grandes chica chico chicas chicos mediana mediano medianas medianos large small big litro litros"
)
# How a dish is wanted, said right after it: noted for the kitchen.
MANNERS = SIZES | word_set(
    """
    caliente calientes calientita calientito calientitas calientitos fria frias frio frios doble dobles litro litros
    medio lata vidrio maiz harina dieta light doradita doradito doraditas doraditos doradas dorados hot cold
    """
)
# After a dish it is how, and not another dish.
SAYS_HOW = MANNERS | word_set(
    """
    rica rico sola solas solo completa normal normales media sabor tomar beber cenar siempre ayer antes favor casa cada
    mucho mucha bien bn cortesia extra each total ahi aqui jaja jajaja rapido urgente
    """
)
# What a dish of another taquería is made of, said before it in English.
FOODS = word_set(
    "chicken shrimp tongue tripe birria ham mushroom tuna egg potato veggie veg vegetable bean turkey chorizo brisket"
)
THINGS = frozenset({"things", "cosas"})
ARTICLES = frozenset({"el", "la", "los", "las", "the", "mi", "mis", "my"})
EVERYTHING = frozenset({"todo", "todos", "todas", "all", "everything", "ambos", "both"})
NOISE = word_set(
    """
    quiero quisiera dame deme denme ponme pon me das da pedir pido pedirte ordenar order get have like want would i
    i'd id could can we us need necesito give for para y and que si son sean asi ya yes hola hello hi hey buenas
    buenos dias tardes noches good morning evening let lets to favor please just solo nada only gracias thanks thank
    you porfa va ok okay bueno sale vale claro entonces mejor instead quita agrega add anade ahi regalas vendes
    anotame apuntame mi my it is es lo le se hoy today ahora now cosa vez thing time pregunta duda momento question
    minute moment second idea rapido tambien te encargo encargar llevar comer hacer hago haz un una uno a an pedido
    pedidos pero se cuales cual wait espera perdon sorry persona personas quien jaja jajaja jeje lol people como
    about
    """
)
KIN = word_set(
    """
    mi my su esposa esposo mujer marido hijo hija mama papa madre padre hermano hermana amigo amiga jefe jefa novio
    novia wife husband son daughter mom dad mother father brother sister friend boss girlfriend boyfriend senor
    senora sr sra
    """
)
# What an order is said with, besides dishes, numbers and what is wished of a dish: nothing is lost with it.
SMALL_WORDS = (
    COMMON
    | NOISE
    | FILLERS
    | ALSO
    | BREAKS
    | WISHES
    | THE_REST
    | HALF
    | THINGS
    | AS_IT_COMES
    | EVERYTHING
    | OF_EACH
    | EXCEPT
    | KIN
    | word_set(
        """
        puede pueden puedo podria podrias podrian quieres quieras dar darme pones poner ponlo manda mandas mandan
        mandar mandame echa echame echale prepara preparar preparame aparta apartame encarga encargame encargas
        avienta avientas armame regalame traeme gustaria antoja antojan ocupo ocupamos urge voy vamos pasando vengo
        pasar ser seria era eran fue sera van vaya vayan ir dije digo decir dile olvido equivoque sabes tal onda
        oiga mira joven carnal compa bro wey guey senorita don patron chavo nina nino ninos ninas wenas wena ola
        holi holis tomar cenar desayunar compartir beber fiesta oficina chamba trabajo familia puros puro nomas
        tantito ratito rato ratico camino vengan mismo misma mismos igual algunos varios siguiente siguientes
        servicio tardan nota ay ah eh este mmm mm uy oh bn porfavor u verdad sea doble eso esto cocina repite oye
        tako takos takito takitos ademas aparte finalmente ultimo primero luego nel esos esas ese esa estos taco
        tacos taquito taquitos hambre gente cuenta aqui ahorita noche tarde dia may yo dude man guys folks love
        gonna gotta ones one them they those these know lunch dinner party office family quick real uh uhh uhhh um
        umm hmm maybe think off put note tell ask kitchen making made grab ordering sounds great awesome out over
        then first last tonight later soon back regala regale mande mandeme manden pone ponga pongame pongan echele
        eche echen compadre comadre ellos ellas carne ver prepareme apunteme anoteme vendame traiga traigame
        olvide olviden ill
        ive actually oops
        """
    )
)
