/** What a bad request's answer has against it. */
import type { DescMethod } from "@bufbuild/protobuf";
import { codes } from "../../src/contract/fault-status.ts";
import type { Told } from "../transport/told.ts";

/** What a client may be told of its own mistakes. */
const refusals = new Set<number>([
  codes.INVALID_ARGUMENT,
  codes.NOT_FOUND,
  codes.ALREADY_EXISTS,
  codes.FAILED_PRECONDITION,
  codes.RESOURCE_EXHAUSTED,
  codes.UNIMPLEMENTED,
  codes.UNAVAILABLE,
]);

export const isRefusal = ({ code }: Pick<Told, "code">): boolean => refusals.has(code);

interface Bad {
  readonly method: DescMethod;
  readonly why: string;
  readonly expect: "must_fail" | "may_pass";
  readonly expectViolationField?: string | undefined;
}

/** `told`: how it was refused, if it was; a text says that the answer was none in the form of its protocol. */
export function complaintOf(bad: Bad, told: Told | string | undefined): string | undefined {
  const found = typeof told === "string" ? told : against(bad, told);
  return found === undefined ? undefined : `${bad.method.parent.name}.${bad.method.name}, ${bad.why}: ${found}`;
}

function against({ expect, expectViolationField: field }: Bad, told: Told | undefined): string | undefined {
  if (told === undefined) return expect === "must_fail" ? "answered with OK" : undefined;
  if (!isRefusal(told)) return `code ${told.code}: ${told.message}`;
  if (told.reason === undefined) return "no details";
  const fields = told.violations.map((violation) => violation.field);
  if (field === undefined || fields.includes(field)) return undefined;
  return `does not name ${field}, but ${fields.join(", ") || "nothing"}: ${told.message}`;
}
