/** The contract as OpenAPI 3.1, generated with the rest of `gen`. */
import openapi from "../../gen/openapi/mt5bridge.json" with { type: "json" };

/** As text, made when it is first asked for. */
export function openapiText(): string {
  text ??= JSON.stringify(openapi);
  return text;
}

let text: string | undefined;
