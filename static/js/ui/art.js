/** Which drawing stands for a dish, by the words in its name: the form first, then what is in it. */

const DRAWINGS = [
  [/torta|cemita|pambazo|sandwich/, "torta", "asada"],
  [/burrito|wrap/, "burrito", "pastor"],
  [/volc/, "quesadilla", "volcan"],
  [/choriqueso|fundido/, "bowl", "choriqueso"],
  [/flor|calabaza/, "quesadilla", "flor"],
  [/gringa/, "quesadilla", "gringa"],
  [/quesadilla|sincronizada|costra/, "quesadilla", "queso"],
  [/guaca/, "totopos", "guacamole"],
  [/nacho|totopo|chips|papas/, "totopos", "queso"],
  [/pozole|birria|consom|sopa|caldo/, "bowl", "caldo"],
  [/frijol|charro/, "bowl", "frijoles"],
  [/horchata/, "glass", "horchata"],
  [/tamarindo/, "glass", "tamarindo"],
  [/lim[oó]n|pepino/, "glass", "limon"],
  [/jamaica/, "glass", "jamaica"],
  [/cerveza|beer|michelada/, "bottle", "beer"],
  [/mineral/, "bottle", "mineral"],
  [/refresco|coca|soda|jarrito|sidral/, "bottle", "soda"],
  [/\bagua\b|fresca/, "glass", "jamaica"],
  [/churro/, "churros", "azucar"],
  [/flan|postre|pastel|arroz con/, "flan", "caramelo"],
  [/pastor/, "taco", "pastor"],
  [/carnitas|cochinita|pibil/, "taco", "carnitas"],
  [/campech/, "taco", "campechano"],
  [/barbacoa|borrego/, "taco", "barbacoa"],
  [/suadero/, "taco", "suadero"],
  [/chorizo|longaniza/, "taco", "chorizo"],
  [/pescado|camar|baja|fish/, "taco", "fish"],
  [/nopal|veg|hongo|rajas/, "taco", "nopal"],
];
const BY_CATEGORY = [
  [/bebid|drink|agua/, "glass", "jamaica"],
  [/postre|dessert|dulce/, "flan", "caramelo"],
  [/salsa|extra|lado|side|cazuela/, "bowl", "caldo"],
  [/ques/, "quesadilla", "queso"],
  [/torta/, "torta", "asada"],
];

/** @returns {{drawing: string, tint: string}} a symbol of dishes.svg, and the class that colours it. */
export function artOf(item) {
  const names = `${item.sku} ${item.name ?? ""}`.toLowerCase();
  const found = DRAWINGS.find(([words]) => words.test(names))
    ?? BY_CATEGORY.find(([words]) => words.test(String(item.category ?? "").toLowerCase()))
    ?? [null, "taco", "asada"];
  return { drawing: found[1], tint: `tint-${found[2]}` };
}
