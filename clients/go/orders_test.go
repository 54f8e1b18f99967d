package mt5bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	mt5bridge "github.com/mt5-bridge/mt5-bridge/clients/go"
	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

func buy() *pb.PlaceOrderRequest {
	return &pb.PlaceOrderRequest{
		Symbol: "EURUSD", Side: pb.OrderSide_ORDER_SIDE_BUY, Type: pb.OrderType_ORDER_TYPE_MARKET, Volume: 0.1,
	}
}

var (
	filled      = &pb.PlaceOrderResponse{Order: &pb.Order{Stage: pb.OrderStage_ORDER_STAGE_FILLED}}
	noOrderMade = map[string]string{"order_may_exist": "false", "retry": "never"}
)

func faultOf(t *testing.T, err error) *mt5bridge.Fault {
	t.Helper()
	var fault *mt5bridge.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("not a fault: %v", err)
	}
	return fault
}

func openKeys(t *testing.T, path string) *mt5bridge.KeyFile {
	t.Helper()
	keys, err := mt5bridge.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestAnOrderIsSentAgainUnderTheSameKey(t *testing.T) {
	troubles := map[string]any{
		"unavailable":     gone,
		"deadline":        status.Error(codes.DeadlineExceeded, "no"),
		"draining":        refusal(codes.Unavailable, "DRAINING", map[string]string{"retry": "after_reconnect", "order_may_exist": "false"}),
		"connection lost": vanish{},
	}
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			s := newScripted(t, []any{trouble}, []any{trouble}, []any{filled})
			bridge := s.client(t)
			request := buy()
			answer, err := bridge.PlaceOrder(t.Context(), request)
			if err != nil || answer.Order.Stage != pb.OrderStage_ORDER_STAGE_FILLED {
				t.Fatal(answer, err)
			}
			asked := s.seen()
			if len(asked) != 3 || !proto.Equal(asked[0], asked[1]) || !proto.Equal(asked[1], asked[2]) {
				t.Error("not the same request each time:", asked)
			}
			if asked[0].(*pb.PlaceOrderRequest).ClientOrderId == "" || request.ClientOrderId != "" {
				t.Error("the key belongs into what is sent, and not into what the caller holds")
			}
			if pending := bridge.Keys.Pending(); len(pending) != 0 {
				t.Error("still pending:", pending)
			}
		})
	}
}

func TestAKeyOfTheCallersOwnIsKept(t *testing.T) {
	s := newScripted(t, []any{filled})
	if _, err := s.client(t).PlaceOrder(t.Context(), &pb.PlaceOrderRequest{ClientOrderId: "mine"}); err != nil {
		t.Fatal(err)
	}
	if key := s.seen()[0].(*pb.PlaceOrderRequest).ClientOrderId; key != "mine" {
		t.Error(key)
	}
}

func TestNothingIsSentWhoseKeyCouldNotBeKept(t *testing.T) {
	s := newScripted(t, []any{filled})
	keys := openKeys(t, filepath.Join(t.TempDir(), "no such folder", "keys"))
	if _, err := s.client(t, mt5bridge.WithKeys(keys)).PlaceOrder(t.Context(), buy()); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if len(s.seen()) != 0 {
		t.Error("it was sent")
	}
}

func TestTheKeyIsOnTheDiskBeforeTheOrderLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	s := newScripted(t, []any{status.Error(codes.Unauthenticated, "no")})
	if _, err := s.client(t, mt5bridge.WithKeys(openKeys(t, path))).PlaceOrder(t.Context(), buy()); err == nil {
		t.Fatal("no error")
	}
	text, _ := os.ReadFile(path)
	var line struct {
		Sent struct {
			Key, Method string
			Request     struct{ Symbol string }
		}
	}
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatal(err)
	}
	if sent := line.Sent; sent.Key != s.seen()[0].(*pb.PlaceOrderRequest).ClientOrderId || sent.Method != "PlaceOrder" || sent.Request.Symbol != "EURUSD" {
		t.Errorf("%+v", sent)
	}
}

func TestAfterACrashWhatWasPendingIsSentAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	s := newScripted(t, []any{status.Error(codes.Unauthenticated, "no")}, []any{filled})
	_, err := s.client(t, mt5bridge.WithKeys(openKeys(t, path))).PlaceOrder(t.Context(), buy())
	if !faultOf(t, err).OrderMayExist {
		t.Error("it may exist")
	}
	keys := openKeys(t, path)
	bridge := s.client(t, mt5bridge.WithKeys(keys))
	if len(keys.Pending()) != 1 {
		t.Fatal(keys.Pending())
	}
	pending := keys.Pending()[0]
	answer, err := bridge.SendAgain(t.Context(), pending)
	if err != nil || answer.(*pb.PlaceOrderResponse).Order.Stage != pb.OrderStage_ORDER_STAGE_FILLED {
		t.Fatal(answer, err)
	}
	want := buy()
	want.ClientOrderId = pending.Key
	for _, request := range s.seen() {
		if !proto.Equal(request, want) {
			t.Error(request)
		}
	}
	if left := openKeys(t, path).Pending(); len(left) != 0 {
		t.Error("still pending:", left)
	}
}

func TestAnOrderThatIsInDoubtKeepsItsKey(t *testing.T) {
	s := newScripted(t, []any{&pb.PlaceOrderResponse{Order: &pb.Order{Stage: pb.OrderStage_ORDER_STAGE_IN_DOUBT}}})
	bridge := s.client(t)
	if _, err := bridge.PlaceOrder(t.Context(), buy()); err != nil || len(bridge.Keys.Pending()) != 1 {
		t.Error(err, bridge.Keys.Pending())
	}
}

func TestARefusalSaysAllItKnows(t *testing.T) {
	s := newScripted(t, []any{refusal(codes.InvalidArgument, "INVALID_ARGUMENT", noOrderMade,
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "volume", Description: "is wrong"}}})})
	bridge := s.client(t)
	_, err := bridge.PlaceOrder(t.Context(), buy())
	fault := faultOf(t, err)
	if fault.Error() != "INVALID_ARGUMENT: A sentence." || fault.OrderMayExist || fault.Metadata["retry"] != "never" {
		t.Errorf("%+v", fault)
	}
	equal(t, fault.Violations, []mt5bridge.Violation{{Field: "volume", Description: "is wrong"}}, same)
	if len(bridge.Keys.Pending()) != 0 {
		t.Error("nothing is pending: there is no order")
	}
}

func TestAnOrderMayExistIfAnyOfTheTriesMayHaveMadeIt(t *testing.T) {
	s := newScripted(t, []any{vanish{}}, []any{refusal(codes.PermissionDenied, "DENIED", noOrderMade)})
	bridge := s.client(t)
	_, err := bridge.PlaceOrder(t.Context(), buy())
	if !faultOf(t, err).OrderMayExist || len(bridge.Keys.Pending()) != 1 {
		t.Error(err, bridge.Keys.Pending())
	}
}

func TestPatienceEnds(t *testing.T) {
	facts := map[string]string{"order_may_exist": "false", "retry": "after_reconnect"}
	s := newScripted(t, []any{refusal(codes.Unavailable, "DRAINING", facts, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Hour)})})
	_, err := s.client(t).PlaceOrder(t.Context(), buy())
	if fault := faultOf(t, err); fault.RetryAfter != time.Hour || fault.OrderMayExist {
		t.Errorf("%+v", fault)
	}
}

func TestACanceledOrderMayExist(t *testing.T) {
	s := newScripted(t)
	ctx, cancel := context.WithCancel(t.Context())
	bridge := s.client(t, mt5bridge.WithKeys(cancelsWhenSent{&mt5bridge.KeysInMemory{}, cancel}))
	_, err := bridge.PlaceOrder(ctx, buy())
	if !faultOf(t, err).OrderMayExist || len(bridge.Keys.Pending()) != 1 {
		t.Error(err)
	}
}

type cancelsWhenSent struct {
	*mt5bridge.KeysInMemory
	cancel context.CancelFunc
}

func (c cancelsWhenSent) Sent(sending mt5bridge.Sending) error {
	c.cancel()
	return c.KeysInMemory.Sent(sending)
}

func TestAFileCutOffInTheMiddleOfALineIsReadAndWrittenOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	keep := func(keys mt5bridge.KeyStore, key string) {
		if err := keys.Sent(mt5bridge.Sending{Key: key, Method: "PlaceOrder", Request: json.RawMessage("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	keep(openKeys(t, path), "a")
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(text, `{"sent":{"key":"half`...), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := openKeys(t, path)
	keep(keys, "b")
	if err := keys.Answered("a"); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, sending := range openKeys(t, path).Pending() {
		left = append(left, sending.Key)
	}
	if strings.Join(left, " ") != "b" {
		t.Error(left)
	}
}
