// What vega-interpreter asks of vega-util, taken from the Vega that the page has loaded already.
const { ascending, isString } = globalThis.vega;
export { ascending, isString };
export const DisallowedObjectProperties = new Set(
  Object.getOwnPropertyNames(Object.prototype).filter((name) => typeof Object.prototype[name] === "function"),
);
