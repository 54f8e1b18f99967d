package mt5bridge

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Violation is a field of the request and what is wrong with it.
type Violation struct {
	Field       string
	Description string
}

// Fault is a call that failed: why, whether an order may exist all the same, and whether to try again.
// Every error of this package that comes from a call is one; use [errors.As].
type Fault struct {
	// Code is gRPC's own word for the kind of failure.
	Code codes.Code
	// Reason is the bridge's word, for example UNKNOWN_SYMBOL; empty when it was not the bridge that answered.
	Reason string
	// Message is a sentence for people.
	Message string
	// OrderMayExist says whether the request may have reached the broker. The same key tells: GetOrder, or the
	// same call again.
	OrderMayExist bool
	// Violations names every field of the request that is wrong.
	Violations []Violation
	// Metadata has facts for programs, for example retcode.
	Metadata map[string]string
	// RetryAfter is how long to wait before another try; 0 where the bridge names no time.
	RetryAfter time.Duration

	cause error
}

func (f *Fault) Error() string {
	word := f.Reason
	if word == "" {
		word = f.Code.String()
	}
	return fmt.Sprintf("%s: %s", word, f.Message)
}

// Unwrap gives the error that grpc returned.
func (f *Fault) Unwrap() error { return f.cause }

// Passing says whether the same call may succeed later, as it is.
func (f *Fault) Passing() bool {
	if f.Code == codes.Unavailable || f.Code == codes.DeadlineExceeded {
		return true
	}
	if f.Reason == "" { // the connection broke
		return f.Code == codes.Canceled || f.Code == codes.Unknown || f.Code == codes.Internal || f.Code == codes.Aborted
	}
	switch f.Metadata["retry"] {
	case "later", "after_reconnect", "after_reconcile", "after_resubscribe":
		return true
	}
	return false
}

// FaultOf reads an error of a generated client; nil for nil. Whether an order may exist is assumed of a failure of
// which the bridge itself has said nothing.
func FaultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	told := status.Convert(err)
	fault := &Fault{Code: told.Code(), Message: told.Message(), OrderMayExist: true, cause: err}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.Domain != "mt5bridge" {
				continue
			}
			fault.Reason = detail.Reason
			fault.Metadata = detail.Metadata
			fault.OrderMayExist = detail.Metadata["order_may_exist"] != "false"
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				fault.Violations = append(fault.Violations, Violation{violation.Field, violation.Description})
			}
		case *errdetails.RetryInfo:
			fault.RetryAfter = detail.RetryDelay.AsDuration()
		}
	}
	return fault
}
