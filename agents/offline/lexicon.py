"""The small words of an order: what begins a wish, what ends one, what is no dish."""

from __future__ import annotations

from agents.language import word_set

LEAVES_OUT = frozenset({"sin", "without"})
WISHES = frozenset({"sin", "without", "extra", "con", "with", "no", "bien", "poco", "poca", "well"})
WITH_OR_WITHOUT = frozenset({"con", "sin", "with", "without"})
OF_EACH = frozenset({"cada", "each"})
NO_WISH = word_set("eso esto that this gusto permiso calma cuidado prisa confianza problema problem")
OF_IT = frozenset({"su", "sus", "its", "their", "un", "una", "a"})
HALF = frozenset({"mitad", "half"})
NOTHING_STRANGE = word_set("no o u or todo todos all nada sin con without with verdad como")
THE_REST = frozenset({"demas", "resto", "rest", "others"})
AS_IT_COMES = frozenset({"normal", "normales", "regular", "plain", "sencillo", "sencilla", "solo", "sola"})
# No dish is sold by these.
MEASURES = word_set(
    "kilo kilos kg kgs kilito cuarto cuartito gramos gr pesos peso varos lana dolares dollars bucks "
    "pound pounds lb lbs ounces oz"
)
ENDS_WISH = frozenset({"para", "porfa", "please", "soy", "pero", "but", "tambien", "too", "also", "gracias", "thanks"})
# After a dish it is how, and not another dish.
SAYS_HOW = word_set(
    """
    grande grandes chica chico chicas chicos mediana mediano caliente calientes calientita calientito fria frias frio
    frios rica rico sola solas solo doble dobles completa normal normales litro litros medio media lata vidrio sabor
    maiz harina tomar beber cenar siempre ayer antes dieta light favor casa cada mucho mucha bien bn doradita doradito
    doradas dorados cortesia large small big hot cold extra each total ahi aqui jaja jajaja rapido urgente
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
    quiero quisiera dame deme denme ponme pon me das da pedir pido pedirte ordenar order get have like want
    would i i'd id could can we us need necesito give for para y and que si son sean asi ya yes hola hello hi hey
    buenas buenos dias tardes noches good morning evening let lets to favor please just solo nada only gracias
    thanks thank you porfa va ok okay bueno sale vale claro entonces mejor instead quita agrega add anade ahi regalas
    vendes anotame apuntame mi my it is es lo le se hoy today ahora now cosa vez thing time pregunta duda momento
    question minute moment second idea rapido tambien te encargo encargar llevar comer hacer hago haz un una uno
    a an pedido pedidos pero se cuales cual wait espera perdon sorry personas people como about
    """
)
