package mt5bridge_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	mt5bridge "github.com/mt5-bridge/mt5-bridge/clients/go"
	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

// vanish breaks the connection: neither an answer nor a status comes.
type vanish struct{}

// scripted is a bridge that says what a test tells it to, and notes what it was asked. Each call takes the next
// script, of messages, errors and vanish; when there is none left, calls wait until they are canceled.
type scripted struct {
	pb.UnimplementedOrdersServiceServer
	pb.UnimplementedTicksServiceServer
	address string

	mutex   sync.Mutex
	server  *grpc.Server
	scripts [][]any
	asked   []proto.Message
	tokens  []string
	gone    chan struct{} // a call is over: whoever asked has had enough, or has vanished
}

func newScripted(t *testing.T, scripts ...[]any) *scripted {
	s := &scripted{address: "127.0.0.1:0", scripts: scripts, gone: make(chan struct{}, 1)}
	if err := s.listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.current().Stop() })
	return s
}

// listen begins at the place where it listened before, if it did.
func (s *scripted) listen() error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pb.RegisterOrdersServiceServer(server, s)
	pb.RegisterTicksServiceServer(server, s)
	s.mutex.Lock()
	s.server, s.address = server, listener.Addr().String()
	s.mutex.Unlock()
	go func() { _ = server.Serve(listener) }()
	return nil
}

func (s *scripted) current() *grpc.Server {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.server
}

func (s *scripted) run(ctx context.Context, request proto.Message, send func(proto.Message) error) error {
	context.AfterFunc(ctx, func() {
		select {
		case s.gone <- struct{}{}:
		default: // said already
		}
	})
	s.mutex.Lock()
	s.asked = append(s.asked, request)
	tokens, _ := metadata.FromIncomingContext(ctx)
	s.tokens = append(s.tokens, tokens.Get("authorization")...)
	var script []any
	if len(s.scripts) == 0 {
		script = []any{nil}
	} else {
		script, s.scripts = s.scripts[0], s.scripts[1:]
	}
	s.mutex.Unlock()
	for _, step := range script {
		switch step := step.(type) {
		case nil:
			<-ctx.Done()
		case vanish:
			return s.vanish(ctx)
		case error:
			return step
		case proto.Message:
			if had(request, step) {
				continue
			}
			if err := send(step); err != nil {
				return err
			}
		}
	}
	return nil
}

// had says whether the caller has come back from behind this event: what a connection still held as it broke may
// have reached the client or not.
func had(request, event proto.Message) bool {
	orders, isOrders := request.(*pb.StreamOrdersRequest)
	response, isResponse := event.(*pb.StreamOrdersResponse)
	return isOrders && isResponse && response.GetOrder() != nil &&
		response.Cursor.Sequence <= orders.GetResumeAfter().GetSequence()
}

// vanish cuts every connection and listens again; the old listener is closed before any connection is.
func (s *scripted) vanish(ctx context.Context) error {
	go s.current().Stop()
	<-ctx.Done()
	return s.listen()
}

func (s *scripted) StreamOrders(request *pb.StreamOrdersRequest, stream grpc.ServerStreamingServer[pb.StreamOrdersResponse]) error {
	return s.run(stream.Context(), request, func(m proto.Message) error { return stream.Send(m.(*pb.StreamOrdersResponse)) })
}

func (s *scripted) StreamTicks(request *pb.StreamTicksRequest, stream grpc.ServerStreamingServer[pb.StreamTicksResponse]) error {
	return s.run(stream.Context(), request, func(m proto.Message) error { return stream.Send(m.(*pb.StreamTicksResponse)) })
}

func (s *scripted) StreamBars(request *pb.StreamBarsRequest, stream grpc.ServerStreamingServer[pb.StreamBarsResponse]) error {
	return s.run(stream.Context(), request, func(m proto.Message) error { return stream.Send(m.(*pb.StreamBarsResponse)) })
}

func (s *scripted) PlaceOrder(ctx context.Context, request *pb.PlaceOrderRequest) (answer *pb.PlaceOrderResponse, err error) {
	err = s.run(ctx, request, func(m proto.Message) error {
		answer = m.(*pb.PlaceOrderResponse)
		return nil
	})
	return answer, err
}

// seen is what was asked so far.
func (s *scripted) seen() []proto.Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.asked)
}

var quick = mt5bridge.Terms{
	Timeout:       10 * time.Second,
	Patience:      20 * time.Second,
	ShortestPause: time.Millisecond,
	LongestPause:  10 * time.Millisecond,
}

func (s *scripted) client(t *testing.T, options ...mt5bridge.Option) *mt5bridge.Bridge {
	t.Helper()
	silent := slog.New(slog.NewTextHandler(io.Discard, nil))
	usual := []mt5bridge.Option{
		mt5bridge.WithKeys(&mt5bridge.KeysInMemory{}), mt5bridge.WithTerms(quick), mt5bridge.WithLog(silent),
	}
	bridge, err := mt5bridge.New(s.address, append(usual, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bridge.Close() })
	return bridge
}

var gone = status.Error(codes.Unavailable, "no")

// refusal is a failure with details, as the bridge sends them.
func refusal(code codes.Code, reason string, facts map[string]string, more ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "mt5bridge", Metadata: facts}
	full, err := status.New(code, "A sentence.").WithDetails(append([]protoadapt.MessageV1{info}, more...)...)
	if err != nil {
		panic(err)
	}
	return full.Err()
}

func at(sequence uint64) *pb.Cursor { return &pb.Cursor{Epoch: "e", Sequence: sequence} }

func opened(sequence uint64) *pb.StreamOrdersResponse {
	return &pb.StreamOrdersResponse{Event: &pb.StreamOrdersResponse_Opened{Opened: &pb.StreamOpened{Cursor: at(sequence)}}}
}

func snapshot(sequence uint64) *pb.StreamOrdersResponse {
	return &pb.StreamOrdersResponse{Cursor: at(sequence), Event: &pb.StreamOrdersResponse_Snapshot{Snapshot: &pb.Order{}}}
}

func snapshotEnd(sequence uint64) *pb.StreamOrdersResponse {
	end := &pb.SnapshotEnd{Cursor: at(sequence)}
	return &pb.StreamOrdersResponse{Cursor: at(sequence), Event: &pb.StreamOrdersResponse_SnapshotEnd{SnapshotEnd: end}}
}

func changed(sequence uint64) *pb.StreamOrdersResponse {
	order := &pb.Order{Version: uint32(sequence)}
	return &pb.StreamOrdersResponse{Cursor: at(sequence), Event: &pb.StreamOrdersResponse_Order{Order: order}}
}

func reset(sequence uint64) *pb.StreamOrdersResponse {
	return &pb.StreamOrdersResponse{Event: &pb.StreamOrdersResponse_Reset_{Reset_: &pb.Reset{Cursor: at(sequence)}}}
}

func closing(sequence uint64) *pb.StreamOrdersResponse {
	closing := &pb.Closing{Cursor: at(sequence), RetryAfter: durationpb.New(time.Millisecond)}
	return &pb.StreamOrdersResponse{Event: &pb.StreamOrdersResponse_Closing{Closing: closing}}
}

func ticksOpened(accepted bool) *pb.StreamTicksResponse {
	row := &pb.SymbolResult{Symbol: "EURUSD", Accepted: accepted, Reason: "UNKNOWN_SYMBOL", Message: "no such symbol"}
	opened := &pb.StreamOpened{Symbols: []*pb.SymbolResult{row}}
	return &pb.StreamTicksResponse{Event: &pb.StreamTicksResponse_Opened{Opened: opened}}
}

func ticksSnapshotEnd() *pb.StreamTicksResponse {
	return &pb.StreamTicksResponse{Event: &pb.StreamTicksResponse_SnapshotEnd{SnapshotEnd: &pb.SnapshotEnd{Cursor: at(0)}}}
}

func batch(sequences ...uint64) *pb.StreamTicksResponse {
	batch := &pb.TickBatch{Cursor: at(sequences[len(sequences)-1])}
	for _, sequence := range sequences {
		batch.Ticks = append(batch.Ticks, &pb.Tick{Symbol: "EURUSD", Sequence: sequence})
	}
	return &pb.StreamTicksResponse{Event: &pb.StreamTicksResponse_Batch{Batch: batch}}
}
