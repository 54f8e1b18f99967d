export type Severity = "debug" | "info" | "warn" | "error";

/** Where the core says what people who run it should know. */
export interface Observer {
  /** Whether a note of that severity is read, for those who say much; absent: it is. */
  hears?(severity: Severity): boolean;
  note(severity: Severity, component: string, message: string, context?: Readonly<Record<string, unknown>>): void;
}
