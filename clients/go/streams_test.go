package mt5bridge_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	mt5bridge "github.com/mt5-bridge/mt5-bridge/clients/go"
	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

// first takes so many items and leaves the stream.
func first[T any](t *testing.T, count int, items iter.Seq2[T, error]) (found []T) {
	t.Helper()
	for item, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		if found = append(found, item); len(found) == count {
			break
		}
	}
	return found
}

// failure is what a stream ends with.
func failure[T any](items iter.Seq2[T, error]) (err error) {
	for _, err = range items {
	}
	return err
}

func versions(events []*pb.StreamOrdersResponse) (found []uint32) {
	for _, event := range events {
		if order := event.GetOrder(); order != nil {
			found = append(found, order.Version)
		}
	}
	return found
}

// resumed is the sequence from which each call wanted to go on; 0 for none.
func resumed(s *scripted) (found []uint64) {
	for _, request := range s.seen() {
		found = append(found, request.(interface{ GetResumeAfter() *pb.Cursor }).GetResumeAfter().GetSequence())
	}
	return found
}

func equal[T any](t *testing.T, got, want []T, same func(T, T) bool) {
	t.Helper()
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func same[T comparable](a, b T) bool { return a == b }

func TestAnInterruptedStreamResumesBehindTheLastEvent(t *testing.T) {
	ends := map[string]any{
		"unavailable": gone,
		"closing":     closing(12),
		"broken off":  status.Error(codes.Internal, "RST_STREAM"),
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			s := newScripted(t, []any{opened(10), snapshotEnd(10), changed(11), changed(12), end}, []any{opened(12), changed(13)})
			count := 6
			if name == "closing" {
				count++
			}
			events := first(t, count, s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{}))
			equal(t, versions(events), []uint32{11, 12, 13}, same)
			equal(t, resumed(s)[:2], []uint64{0, 12}, same)
		})
	}
}

func TestAStreamWhoseConnectionIsLostMissesNothing(t *testing.T) {
	everything := []any{opened(10), snapshotEnd(10), changed(11), changed(12)}
	s := newScripted(t, append(everything, vanish{}), append(everything, vanish{}), append(everything, changed(13)))
	var events []*pb.StreamOrdersResponse
	for event, err := range s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		if events = append(events, event); event.GetOrder().GetVersion() == 13 {
			break
		}
	}
	equal(t, versions(events), []uint32{11, 12, 13}, same)
}

func TestAStreamSurvivesManyInterruptionsInARow(t *testing.T) {
	scripts := [][]any{{opened(1), snapshotEnd(1)}}
	for range 20 {
		scripts = append(scripts, []any{gone})
	}
	s := newScripted(t, append(scripts, []any{}, []any{opened(1), changed(2)})...)
	events := first(t, 4, s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{}))
	equal(t, versions(events), []uint32{2}, same)
	equal(t, resumed(s)[1:], slices.Repeat([]uint64{1}, 22), same)
}

func TestHalfASnapshotCountsForNothing(t *testing.T) {
	s := newScripted(t, []any{opened(5), snapshot(5), gone}, []any{opened(7), snapshot(7), snapshot(7), snapshotEnd(7), changed(8)})
	first(t, 7, s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{}))
	equal(t, resumed(s), []uint64{0, 0}, same)
}

func TestAResetIsHandedOnAndItsSnapshotMustBeWhole(t *testing.T) {
	s := newScripted(t,
		[]any{opened(50), reset(50), snapshot(50), gone},
		[]any{opened(51), reset(51), snapshotEnd(51), gone},
		[]any{opened(51), changed(52)},
	)
	events := first(t, 8, s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{ResumeAfter: at(3)}))
	if events[1].GetReset_() == nil || events[4].GetReset_() == nil {
		t.Error("the resets were not handed on")
	}
	equal(t, resumed(s), []uint64{3, 3, 51}, same)
}

func TestASnapshotAheadOfWhatWasMissedDoesNotMoveTheCursor(t *testing.T) {
	s := newScripted(t, []any{opened(3), snapshot(9), snapshotEnd(9), changed(4), gone}, []any{opened(4), changed(5)})
	first(t, 6, s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{ResumeAfter: at(3), Snapshot: proto.Bool(true)}))
	equal(t, resumed(s), []uint64{3, 4}, same)
	if s.seen()[1].(*pb.StreamOrdersRequest).Snapshot != nil {
		t.Error("the snapshot was asked for twice")
	}
}

func TestWithoutASnapshotAStreamResumesFromWhereItWasOpened(t *testing.T) {
	s := newScripted(t, []any{opened(7), gone}, []any{opened(7), changed(8)})
	first(t, 3, s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{Snapshot: proto.Bool(false)}))
	equal(t, resumed(s), []uint64{0, 7}, same)
}

func TestWhatCannotPassByWaitingEndsTheStream(t *testing.T) {
	never := map[string]string{"retry": "never", "order_may_exist": "false"}
	for _, failing := range []error{
		refusal(codes.NotFound, "UNKNOWN_ACCOUNT", never),
		status.Error(codes.PermissionDenied, "no"),
		status.Error(codes.Unauthenticated, "no"),
	} {
		s := newScripted(t, []any{failing})
		var fault *mt5bridge.Fault
		err := failure(s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{}))
		if !errors.As(err, &fault) || fault.Code != status.Code(failing) || len(s.seen()) != 1 {
			t.Errorf("got %v after %d calls", err, len(s.seen()))
		}
	}
}

func TestWhatTheBridgeSaysMayBeTriedAgainIs(t *testing.T) {
	for _, retry := range []string{"after_resubscribe", "later"} {
		s := newScripted(t, []any{refusal(codes.ResourceExhausted, "ANY", map[string]string{"retry": retry})}, []any{opened(1)})
		first(t, 1, s.client(t).OrderEvents(t.Context(), &pb.StreamOrdersRequest{}))
	}
}

func TestTicksGoOnWithoutAGapOrARepetition(t *testing.T) {
	s := newScripted(t, []any{ticksOpened(true), ticksSnapshotEnd(), batch(1, 2), gone}, []any{ticksOpened(true), batch(3), batch(4, 5)})
	var sequences []uint64
	for _, tick := range first(t, 5, s.client(t).Ticks(t.Context(), "EURUSD")) {
		sequences = append(sequences, tick.Sequence)
	}
	equal(t, sequences, []uint64{1, 2, 3, 4, 5}, same)
	equal(t, resumed(s), []uint64{0, 2}, same)
}

func TestBarsGoOnBehindTheLastOne(t *testing.T) {
	opening := &pb.StreamBarsResponse{Event: &pb.StreamBarsResponse_Opened{Opened: &pb.StreamOpened{Cursor: at(3)}}}
	running := &pb.StreamBarsResponse{Event: &pb.StreamBarsResponse_Snapshot{Snapshot: &pb.Bar{}}}
	whole := &pb.StreamBarsResponse{Event: &pb.StreamBarsResponse_SnapshotEnd{SnapshotEnd: &pb.SnapshotEnd{Cursor: at(3)}}}
	closed := &pb.StreamBarsResponse{Cursor: at(4), Event: &pb.StreamBarsResponse_Bar{Bar: &pb.Bar{Final: true}}}
	s := newScripted(t, []any{opening, running, whole, closed, gone}, []any{opening, running, gone}, []any{opening, whole})
	first(t, 8, s.client(t).BarEvents(t.Context(), &pb.StreamBarsRequest{Symbols: []string{"EURUSD"}}))
	equal(t, resumed(s), []uint64{0, 4, 4}, same)
}

func TestTicksOfASymbolThatIsNotThereAreAnError(t *testing.T) {
	s := newScripted(t, []any{ticksOpened(false)})
	var fault *mt5bridge.Fault
	if err := failure(s.client(t).Ticks(t.Context(), "EURUSD")); !errors.As(err, &fault) || fault.Reason != "UNKNOWN_SYMBOL" {
		t.Error(err)
	}
}

func TestAChangedSubscriptionIsAskedForAgain(t *testing.T) {
	subscription := &pb.Subscription{Symbols: []string{"XAUUSD"}}
	changes := &pb.StreamTicksResponse{Event: &pb.StreamTicksResponse_Subscription{Subscription: subscription}}
	s := newScripted(t, []any{ticksOpened(true), changes, gone}, []any{ticksOpened(true), batch(1)})
	first(t, 1, s.client(t).Ticks(t.Context(), "EURUSD"))
	equal(t, s.seen()[1].(*pb.StreamTicksRequest).Symbols, []string{"XAUUSD"}, same)
}

func TestTheTokenGoesWithEveryCall(t *testing.T) {
	s := newScripted(t, []any{opened(1), gone}, []any{opened(1)})
	first(t, 2, s.client(t, mt5bridge.WithToken("secret")).OrderEvents(t.Context(), &pb.StreamOrdersRequest{}))
	equal(t, s.tokens, []string{"Bearer secret", "Bearer secret"}, same)
}

func TestLeavingTheLoopEndsTheCall(t *testing.T) {
	s := newScripted(t, []any{opened(1), nil})
	bridge := s.client(t)
	for range bridge.OrderEvents(t.Context(), &pb.StreamOrdersRequest{}) {
		break
	}
	<-s.gone
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	s := newScripted(t, []any{opened(1), nil})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var err error
	for _, err = range s.client(t).OrderEvents(ctx, &pb.StreamOrdersRequest{}) {
		cancel()
	}
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAClosedBridgeEndsItsStreams(t *testing.T) {
	s := newScripted(t, []any{opened(1), nil})
	bridge := s.client(t)
	var err error
	for _, err = range bridge.OrderEvents(t.Context(), &pb.StreamOrdersRequest{}) {
		_ = bridge.Close()
	}
	if status.Code(err) != codes.Canceled {
		t.Error(err)
	}
}
