package mt5bridge

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

// Requests under a key: written down, sent, and sent again with the same key until they are answered. Where
// ClientOrderId is empty a new one is made. A refusal by the broker is no error: it is the order's stage. An error is a
// [Fault]: at once where no second try would help, else when patience or the context ends.

// PlaceOrder gives a market, limit, stop or stop-limit order.
func (b *Bridge) PlaceOrder(ctx context.Context, request *pb.PlaceOrderRequest) (*pb.PlaceOrderResponse, error) {
	request = proto.CloneOf(request)
	return deliver(ctx, b, "PlaceOrder", &request.ClientOrderId, request, b.Order.PlaceOrder)
}

// ModifyOrder sets other prices, or another lifetime, for a pending order.
func (b *Bridge) ModifyOrder(ctx context.Context, request *pb.ModifyOrderRequest) (*pb.ModifyOrderResponse, error) {
	request = proto.CloneOf(request)
	return deliver(ctx, b, "ModifyOrder", &request.ClientOrderId, request, b.Order.ModifyOrder)
}

// CancelOrder takes a pending order out of the market.
func (b *Bridge) CancelOrder(ctx context.Context, request *pb.CancelOrderRequest) (*pb.CancelOrderResponse, error) {
	request = proto.CloneOf(request)
	return deliver(ctx, b, "CancelOrder", &request.ClientOrderId, request, b.Order.CancelOrder)
}

// ClosePosition closes all of a position, or a part of it.
func (b *Bridge) ClosePosition(ctx context.Context, request *pb.ClosePositionRequest) (*pb.ClosePositionResponse, error) {
	request = proto.CloneOf(request)
	return deliver(ctx, b, "ClosePosition", &request.ClientOrderId, request, b.Order.ClosePosition)
}

// ClosePositionBy closes a position against an opposite one.
func (b *Bridge) ClosePositionBy(ctx context.Context, request *pb.ClosePositionByRequest) (*pb.ClosePositionByResponse, error) {
	request = proto.CloneOf(request)
	return deliver(ctx, b, "ClosePositionBy", &request.ClientOrderId, request, b.Order.ClosePositionBy)
}

// ModifyPosition sets a position's stop loss and take profit.
func (b *Bridge) ModifyPosition(ctx context.Context, request *pb.ModifyPositionRequest) (*pb.ModifyPositionResponse, error) {
	request = proto.CloneOf(request)
	return deliver(ctx, b, "ModifyPosition", &request.ClientOrderId, request, b.Order.ModifyPosition)
}

// SendAgain sends the very same request under the very same key, for what Keys.Pending still holds after a crash.
// If it had reached the bridge the answer is what became of it; if not, it acts now. Where that would be too late,
// ask with GetOrder instead.
func (b *Bridge) SendAgain(ctx context.Context, sending Sending) (proto.Message, error) {
	switch sending.Method {
	case "PlaceOrder":
		return again(ctx, sending, &pb.PlaceOrderRequest{}, b.PlaceOrder)
	case "ModifyOrder":
		return again(ctx, sending, &pb.ModifyOrderRequest{}, b.ModifyOrder)
	case "CancelOrder":
		return again(ctx, sending, &pb.CancelOrderRequest{}, b.CancelOrder)
	case "ClosePosition":
		return again(ctx, sending, &pb.ClosePositionRequest{}, b.ClosePosition)
	case "ClosePositionBy":
		return again(ctx, sending, &pb.ClosePositionByRequest{}, b.ClosePositionBy)
	case "ModifyPosition":
		return again(ctx, sending, &pb.ModifyPositionRequest{}, b.ModifyPosition)
	}
	return nil, fmt.Errorf("mt5bridge: a key of an unknown method, %q", sending.Method)
}

func again[Request, Response proto.Message](ctx context.Context, sending Sending, request Request, send func(context.Context, Request) (Response, error)) (proto.Message, error) {
	if err := protojson.Unmarshal(sending.Request, request); err != nil {
		return nil, err
	}
	response, err := send(ctx, request)
	if err != nil {
		return nil, err
	}
	return response, nil
}

type sender[Request, Response any] func(context.Context, Request, ...grpc.CallOption) (*Response, error)

// deliver fills in the key, which is a field of the request.
func deliver[Request proto.Message, Response any](ctx context.Context, b *Bridge, method string, key *string, request Request, send sender[Request, Response]) (*Response, error) {
	if *key == "" {
		*key = rand.Text()
	}
	text, err := protojson.Marshal(request)
	if err != nil {
		return nil, err
	}
	if err := b.Keys.Sent(Sending{Key: *key, Method: method, Request: text}); err != nil {
		return nil, fmt.Errorf("mt5bridge: nothing was sent, as its key could not be kept: %w", err)
	}
	delivery := newDelivery(b.terms, time.Now)
	for {
		response, err := try(ctx, delivery.timeout(), request, send)
		if err == nil {
			if settled(response) {
				b.answered(*key)
			}
			return response, nil
		}
		fault := FaultOf(err)
		pause, more := delivery.failed(fault)
		if more && ctx.Err() == nil {
			wait(ctx, pause)
		}
		if !more || ctx.Err() != nil {
			if !fault.OrderMayExist {
				b.answered(*key)
			}
			return nil, fault
		}
	}
}

func try[Request proto.Message, Response any](ctx context.Context, timeout time.Duration, request Request, send sender[Request, Response]) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return send(ctx, request)
}

// settled says whether the bridge knows what became of the request. While it does not, the key stays pending.
func settled(response any) bool {
	told, ok := response.(interface{ GetOrder() *pb.Order })
	return !ok || told.GetOrder().GetStage() != pb.OrderStage_ORDER_STAGE_IN_DOUBT
}

func (b *Bridge) answered(key string) {
	if err := b.Keys.Answered(key); err != nil {
		b.log.Warn("mt5bridge: an answer could not be noted; the key stays pending", "key", key, "error", err)
	}
}
