// Package mt5bridge is the client of mt5-bridge: MetaTrader 5 ticks, accounts and orders.
//
// A [Bridge] does more than the generated clients can: its streams go on behind the last event after any
// interruption, and its orders are written down, sent, and sent again under the same key until they are answered.
//
// Requests, answers and events are the messages of the contract, in package mt5bridgev1.
package mt5bridge
