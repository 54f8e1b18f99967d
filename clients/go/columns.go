package mt5bridge

import (
	"cmp"
	"math"
	"slices"

	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

// ticksIn gives the ticks of a batch in the order in which they happened, in whichever form they came.
func ticksIn(batch *pb.TickBatch) []*pb.Tick {
	columns := batch.GetColumns()
	if len(columns) == 0 {
		return batch.GetTicks()
	}
	var placed []placedTick
	for _, one := range columns {
		placed = append(placed, ticksOf(one)...)
	}
	if len(columns) > 1 {
		slices.SortFunc(placed, func(a, b placedTick) int { return cmp.Compare(a.place, b.place) })
	}
	ticks := make([]*pb.Tick, len(placed))
	for i, one := range placed {
		ticks[i] = one.tick
	}
	return ticks
}

// placedTick knows its place among the ticks of all symbols.
type placedTick struct {
	place int64
	tick  *pb.Tick
}

func ticksOf(columns *pb.TickColumns) []placedTick {
	scale := math.Pow10(int(columns.Digits))
	time, offset := running{left: columns.TimeMs}, running{left: columns.BrokerOffsetMs}
	bid, spread := running{left: columns.Bid}, running{left: columns.Spread}
	last, volume := running{left: columns.Last}, running{left: columns.Volume}
	flags, sequence := running{left: columns.Flags}, running{left: columns.Sequence}
	skipped, place := running{left: columns.Skipped}, running{left: columns.Place}
	ticks := make([]placedTick, columns.Count)
	for i := range ticks {
		at, points := time.next(), bid.next()
		ticks[i] = placedTick{place.next(), &pb.Tick{
			Symbol:       columns.Symbol,
			Bid:          float64(points) / scale,
			Ask:          float64(points+spread.next()) / scale,
			Last:         float64(last.next()) / scale,
			Volume:       float64(volume.next()) / 1e8,
			TimeMs:       at,
			BrokerTimeMs: at + offset.next(),
			Flags:        uint32(flags.next()),
			Sequence:     uint64(sequence.next() + int64(i)),
			Skipped:      uint32(skipped.next()),
		}}
	}
	return ticks
}

// running gives the numbers of a column: it holds differences, and none where nothing changes any more.
type running struct {
	left []int64
	sum  int64
}

func (r *running) next() int64 {
	if len(r.left) > 0 {
		r.sum += r.left[0]
		r.left = r.left[1:]
	}
	return r.sum
}
