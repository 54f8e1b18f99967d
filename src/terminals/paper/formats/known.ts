import { dukascopyBi5 } from "./dukascopy-bi5.ts";
import { dukascopyJson } from "./dukascopy-json.ts";
import type { Format, Sample } from "./format.ts";
import { histdata } from "./histdata.ts";
import { lean } from "./lean.ts";
import { mt5Export } from "./mt5-export.ts";
import { mt5Recorder } from "./mt5-recorder.ts";
import { truefx } from "./truefx.ts";

/** Every format a replay reads, the most telling first. */
export const formats: readonly Format[] = [dukascopyBi5, mt5Export, mt5Recorder, dukascopyJson, histdata, truefx, lean];

export const formatOf = (sample: Sample): Format | undefined => formats.find((format) => format.fits(sample));
