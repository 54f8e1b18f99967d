/**
 * Currencies: how many decimals their money has, and which of them are money at all.
 *
 * MetaTrader rounds every profit to the decimals of the currency it is in: two for
 * most, none for the yen. What no list names has two.
 */

const list = (codes: string): ReadonlySet<string> => new Set(codes.split(" "));

/** ISO 4217 currencies without a minor unit. */
const whole = list("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF");
/** ISO 4217 currencies with a thousandth. */
const thousandths = list("BHD IQD JOD KWD LYD OMR TND");
/** Metals as currencies: an ounce is too much to round to its hundredth. */
const metals = list("XAU XAG XPT XPD");
const cryptos = list(
  "ADA ALG ATM AVA AVAX AXS BAT BCH BNB BTC CRV DASH DOG DOGE DOT EOS ETC ETH FIL INC IOT LINK LNK LRC LTC NEO NER ONE SAN SHB SOL SUS TRX UNI XLM XMR XRP XTZ ZEC",
);
const fiats = list(
  "AED ARS AUD BGN BHD BRL CAD CHF CLP CNH CNY COP CZK DKK EGP EUR GBP GEL HKD HRK HUF IDR ILS INR ISK JOD JPY KRW KWD KZT MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD VND ZAR",
);

/** The decimals money of this currency is rounded to. */
export function currencyDigits(currency: string): number {
  if (whole.has(currency)) return 0;
  if (thousandths.has(currency)) return 3;
  return metals.has(currency) || cryptos.has(currency) ? 8 : 2;
}

/** Whether a state issues it: what a pair of the foreign exchange market is made of. */
export const isFiat = (currency: string): boolean => fiats.has(currency);
export const isMetal = (currency: string): boolean => metals.has(currency);
export const isCrypto = (currency: string): boolean => cryptos.has(currency);

/**
 * The currency that is traded in the place of one that is only a way to quote.
 *
 * London shares are quoted in pence (GBX), for which no pair exists anywhere.
 */
export function tradedCurrency(currency: string): { readonly currency: string; readonly factor: number } {
  return currency === "GBX" ? { currency: "GBP", factor: 0.01 } : { currency, factor: 1 };
}
