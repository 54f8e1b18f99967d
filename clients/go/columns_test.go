package mt5bridge_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

func TestTicksThatComeInColumnsAreTicksInTheOrderInWhichTheyHappened(t *testing.T) {
	euros := &pb.TickColumns{
		Symbol: "EURUSD", Digits: 5, Count: 3,
		TimeMs: []int64{1_700_000_000_000, 40, 3}, BrokerOffsetMs: []int64{7_200_000},
		Bid: []int64{108_000, -2}, Spread: []int64{9, 0, -1}, Flags: []int64{6},
		Sequence: []int64{5, 0, 2}, Skipped: []int64{0, 0, 2}, Place: []int64{11, 1, 2},
	}
	gold := &pb.TickColumns{Symbol: "XAUUSD", Digits: 2, Count: 1, Last: []int64{-5}, Volume: []int64{10_000_000}, Place: []int64{13}}
	columns := &pb.TickBatch{Columns: []*pb.TickColumns{euros, gold}, Cursor: at(14)}
	bridge := newScripted(t, []any{ticksOpened(true), &pb.StreamTicksResponse{Event: &pb.StreamTicksResponse_Batch{Batch: columns}}})

	got := first(t, 4, bridge.client(t).Ticks(t.Context(), "EURUSD", "XAUUSD"))

	times := []int64{1_700_000_000_000, 1_700_000_000_040, 0, 1_700_000_000_043}
	want := []*pb.Tick{
		{Symbol: "EURUSD", Bid: 1.08, Ask: 1.08009, Sequence: 5, Flags: 6},
		{Symbol: "EURUSD", Bid: 1.07998, Ask: 1.08007, Sequence: 6, Flags: 6},
		{Symbol: "XAUUSD", Last: -0.05, Volume: 0.1},
		{Symbol: "EURUSD", Bid: 1.07998, Ask: 1.08006, Sequence: 9, Flags: 6, Skipped: 2},
	}
	for i, tick := range want {
		if tick.TimeMs = times[i]; times[i] != 0 {
			tick.BrokerTimeMs = times[i] + 7_200_000
		}
	}
	equal(t, got, want, func(a, b *pb.Tick) bool { return proto.Equal(a, b) })
	if form := bridge.seen()[0].(*pb.StreamTicksRequest).Form; form != pb.TickForm_TICK_FORM_COLUMNS {
		t.Errorf("asked for %v", form)
	}
}
