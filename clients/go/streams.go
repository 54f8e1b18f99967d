package mt5bridge

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

// Streams end when their context does, with its error, and when their loop is left. Besides that they end only with
// a [Fault] that cannot pass by waiting.

// Ticks gives ticks, beginning with the newest of each symbol. A symbol that the bridge does not have is an error.
func (b *Bridge) Ticks(ctx context.Context, symbols ...string) iter.Seq2[*pb.Tick, error] {
	return func(yield func(*pb.Tick, error) bool) {
		request := &pb.StreamTicksRequest{Symbols: symbols, Form: pb.TickForm_TICK_FORM_COLUMNS}
		for event, err := range b.TickEvents(ctx, request) {
			if err == nil {
				err = refused(event)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, tick := range append(ticksIn(event.GetSnapshot()), ticksIn(event.GetBatch())...) {
				if !yield(tick, nil) {
					return
				}
			}
		}
	}
}

func refused(event *pb.StreamTicksResponse) error {
	for _, row := range event.GetOpened().GetSymbols() {
		if !row.Accepted {
			return &Fault{Code: codes.NotFound, Reason: row.Reason, Message: row.Symbol + ": " + row.Message}
		}
	}
	return nil
}

// TickEvents gives everything that a tick stream says. The bridge numbers ticks anew when it starts, and says so:
// reset.
func (b *Bridge) TickEvents(ctx context.Context, request *pb.StreamTicksRequest) iter.Seq2[*pb.StreamTicksResponse, error] {
	return follow(ctx, b, request, b.Tick.StreamTicks)
}

// BarEvents gives bars as they form, and each once more, final, when it is closed. After a reset they begin anew.
func (b *Bridge) BarEvents(ctx context.Context, request *pb.StreamBarsRequest) iter.Seq2[*pb.StreamBarsResponse, error] {
	return follow(ctx, b, request, b.Tick.StreamBars)
}

// OrderEvents gives the open orders, then every change of every order, none missed and none twice, also across
// restarts.
//
// Each event carries the cursor behind it: kept, and handed in as ResumeAfter, it bridges restarts of the strategy
// too. After a reset, which a bridge that has kept its journal sends only to a cursor that is too old, ListOrders
// knows what happened in between.
func (b *Bridge) OrderEvents(ctx context.Context, request *pb.StreamOrdersRequest) iter.Seq2[*pb.StreamOrdersResponse, error] {
	return follow(ctx, b, request, b.Order.StreamOrders)
}

// AccountEvents gives the account, then positions, balance operations (none missed, none twice) and its latest worth.
func (b *Bridge) AccountEvents(ctx context.Context, request *pb.StreamAccountRequest) iter.Seq2[*pb.StreamAccountResponse, error] {
	return follow(ctx, b, request, b.Account.StreamAccount)
}

type opener[Request, Event any] func(context.Context, Request, ...grpc.CallOption) (grpc.ServerStreamingClient[Event], error)

func follow[Request streamRequest, Event any](ctx context.Context, b *Bridge, request Request, open opener[Request, Event]) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		course := newCourse(request)
		pauses := newPauses(b.terms)
		for {
			left, err := once(ctx, course, open, func(event *Event) bool {
				more := yield(event, nil)
				pauses.startOver()
				return more
			})
			if left {
				return
			}
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			retryAfter, why := course.retryAfter, "the stream has ended"
			if !errors.Is(err, io.EOF) {
				fault := FaultOf(err)
				if !fault.Passing() || errors.Is(err, grpc.ErrClientConnClosing) {
					yield(nil, fault)
					return
				}
				retryAfter, why = max(retryAfter, fault.RetryAfter), fault.Error()
			}
			pause := pauses.next(retryAfter)
			b.log.Warn("mt5bridge: connecting again", "why", why, "in", pause.Round(time.Millisecond))
			wait(ctx, pause)
		}
	}
}

// once reads one connection to its end, which is the error, or until the reader has left.
func once[Request streamRequest, Event any](ctx context.Context, course *course[Request], open opener[Request, Event], hand func(*Event) bool) (left bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := open(ctx, course.request())
	for err == nil {
		var event *Event
		if event, err = stream.Recv(); err == nil {
			course.take(event)
			if !hand(event) {
				return true, nil
			}
		}
	}
	return false, err
}
