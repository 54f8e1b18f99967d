export type Severity = "debug" | "info" | "warn" | "error";

/** Where the core says what people who run it should know. */
export interface Observer {
  note(severity: Severity, component: string, message: string, context?: Readonly<Record<string, unknown>>): void;
}
