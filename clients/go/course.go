package mt5bridge

import (
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/mt5-bridge/mt5-bridge/clients/go/mt5bridge/v1"
)

// streamRequest is what asks for a stream.
type streamRequest interface {
	proto.Message
	GetResumeAfter() *pb.Cursor
}

// course is where a reader stands in a stream, through any number of connections.
//
// Always true:
//   - The cursor never runs ahead of what was handed on: an event that has not been seen is asked for again.
//   - Half a snapshot counts for nothing: the next connection begins with a whole one.
type course[Request streamRequest] struct {
	asked  Request
	cursor *pb.Cursor
	// retryAfter is how long the bridge, as it closed the stream, asked to stay away.
	retryAfter time.Duration
	whole      bool
	resumed    bool
}

func newCourse[Request streamRequest](asked Request) *course[Request] {
	return &course[Request]{asked: proto.CloneOf(asked), cursor: asked.GetResumeAfter()}
}

// request is what the next connection is to ask for.
func (c *course[Request]) request() Request {
	request := proto.CloneOf(c.asked)
	snapshot := c.cursor == nil
	switch request := any(request).(type) {
	case *pb.StreamTicksRequest:
		request.ResumeAfter = c.cursor
		snapshot = wants(request.Snapshot, snapshot)
	case *pb.StreamOrdersRequest:
		request.ResumeAfter = c.cursor
		snapshot = wants(request.Snapshot, snapshot)
	case *pb.StreamBarsRequest:
		request.ResumeAfter = c.cursor
	case *pb.StreamAccountRequest:
		request.ResumeAfter = c.cursor
	}
	c.whole, c.resumed, c.retryAfter = !snapshot, c.cursor != nil, 0
	return request
}

func wants(snapshot *bool, otherwise bool) bool {
	if snapshot != nil {
		return *snapshot
	}
	return otherwise
}

// take notes an event that is handed on.
func (c *course[Request]) take(event any) {
	switch event := event.(type) {
	case *pb.StreamTicksResponse:
		switch kind := event.Event.(type) {
		case *pb.StreamTicksResponse_Batch:
			c.note(kind.Batch.Cursor)
		case *pb.StreamTicksResponse_Subscription:
			if asked, ok := any(c.asked).(*pb.StreamTicksRequest); ok {
				asked.Symbols = kind.Subscription.Symbols
			}
		default:
			c.takeCommon(event)
		}
	case *pb.StreamBarsResponse:
		if event.GetBar() != nil {
			c.note(event.Cursor)
		} else {
			c.takeCommon(event)
		}
	case *pb.StreamOrdersResponse:
		if event.GetOrder() != nil {
			c.note(event.Cursor)
		} else {
			c.takeCommon(event)
		}
	case *pb.StreamAccountResponse:
		if event.GetPosition() != nil || event.GetBalance() != nil || event.GetValuation() != nil {
			c.note(event.Cursor)
		} else {
			c.takeCommon(event)
		}
	}
}

// common is what every stream says.
type common interface {
	GetOpened() *pb.StreamOpened
	GetReset_() *pb.Reset
	GetSnapshotEnd() *pb.SnapshotEnd
	GetHeartbeat() *pb.Heartbeat
	GetClosing() *pb.Closing
}

func (c *course[Request]) takeCommon(event common) {
	switch {
	case event.GetOpened() != nil:
		if !c.resumed {
			c.note(event.GetOpened().Cursor)
		}
	case event.GetReset_() != nil:
		c.whole, c.resumed = false, false
	case event.GetSnapshotEnd() != nil:
		c.whole = true
		// A resumed stream brings what was missed after its snapshot: it still stands where it stood.
		if !c.resumed {
			c.note(event.GetSnapshotEnd().Cursor)
		}
		c.snapshotHad()
	case event.GetHeartbeat() != nil:
		c.note(event.GetHeartbeat().Cursor)
	case event.GetClosing() != nil:
		c.note(event.GetClosing().Cursor)
		c.retryAfter = event.GetClosing().RetryAfter.AsDuration()
	}
}

// snapshotHad: further connections need no other, unless there is nothing to resume from.
func (c *course[Request]) snapshotHad() {
	switch asked := any(c.asked).(type) {
	case *pb.StreamTicksRequest:
		asked.Snapshot = nil
	case *pb.StreamOrdersRequest:
		asked.Snapshot = nil
	}
}

func (c *course[Request]) note(cursor *pb.Cursor) {
	if c.whole {
		c.cursor = cursor
	}
}
