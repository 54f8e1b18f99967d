package mt5bridge

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

var seconds = Terms{Timeout: 4 * time.Second, Patience: 10 * time.Second, ShortestPause: time.Second, LongestPause: 5 * time.Second}

func always(chance float64) func() float64 { return func() float64 { return chance } }

func TestPausesDoubleUpToALimitAndStartOver(t *testing.T) {
	pauses := &pauses{terms: seconds, chance: always(1)}
	for i, want := range []time.Duration{1, 2, 4, 5, 5} {
		if got := pauses.next(0); got != want*time.Second {
			t.Errorf("pause %d is %v", i, got)
		}
	}
	for range 100 {
		pauses.next(0)
	}
	if got := pauses.next(0); got != 5*time.Second {
		t.Error(got)
	}
	pauses.startOver()
	if got := pauses.next(0); got != time.Second {
		t.Error(got)
	}
}

func TestAPauseIsNeverShorterThanTheBridgeAsks(t *testing.T) {
	for chance, want := range map[float64]time.Duration{0: 7 * time.Second, 0.5: 7500 * time.Millisecond} {
		if got := (&pauses{terms: seconds, chance: always(chance)}).next(7 * time.Second); got != want {
			t.Error(got)
		}
	}
}

func TestTheLastTryHasWhatPatienceLeaves(t *testing.T) {
	now := time.Unix(100, 0)
	delivery := newDelivery(seconds, func() time.Time { return now })
	if got := delivery.timeout(); got != 4*time.Second {
		t.Error(got)
	}
	now = now.Add(8 * time.Second)
	if got := delivery.timeout(); got != 2*time.Second {
		t.Error(got)
	}
}

func TestAPauseBeyondTheEndOfPatienceIsNotMade(t *testing.T) {
	delivery := newDelivery(seconds, func() time.Time { return time.Unix(0, 0) })
	if pause, again := delivery.failed(&Fault{Code: codes.Unavailable, RetryAfter: 3 * time.Second}); !again || pause < 3*time.Second {
		t.Error(pause, again)
	}
	if _, again := delivery.failed(&Fault{Code: codes.Unavailable, RetryAfter: 10 * time.Second}); again {
		t.Error("patience is at its end")
	}
}

func TestTheBridgeSaysWhatMayPass(t *testing.T) {
	for retry, passing := range map[string]bool{
		"later": true, "after_reconnect": true, "after_reconcile": true, "after_resubscribe": true,
		"never": false, "with_new_credential": false, "with_new_key": false,
	} {
		fault := &Fault{Code: codes.FailedPrecondition, Reason: "ANY", Metadata: map[string]string{"retry": retry}}
		if fault.Passing() != passing {
			t.Error(retry)
		}
	}
}

func TestADoubtOnceRaisedRemains(t *testing.T) {
	delivery := newDelivery(seconds, time.Now)
	delivery.failed(&Fault{Code: codes.Unavailable, OrderMayExist: true})
	last := &Fault{Code: codes.Unavailable}
	delivery.failed(last)
	if !last.OrderMayExist {
		t.Error("the first try may have made it")
	}
}
