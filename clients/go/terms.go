package mt5bridge

import (
	"context"
	"math/rand/v2"
	"time"
)

// Terms say how long to wait, how often to try, and when to give up.
type Terms struct {
	// Timeout is what one try of a call that carries a key may take: more than a bridge waits for its terminal, unless
	// it is told to.
	Timeout time.Duration
	// Patience is how long a call that carries a key is tried again, all in all; its context may end it sooner.
	Patience time.Duration
	// ShortestPause limits the first pause between two tries; each further one may be twice as long as the one
	// before, up to LongestPause.
	ShortestPause time.Duration
	LongestPause  time.Duration
}

// DefaultTerms suit a bridge that is restarted now and then.
var DefaultTerms = Terms{
	Timeout:       15 * time.Second,
	Patience:      60 * time.Second,
	ShortestPause: 100 * time.Millisecond,
	LongestPause:  5 * time.Second,
}

// pauses grow from failure to failure, each of random length, so that many clients do not return as one.
type pauses struct {
	terms    Terms
	chance   func() float64
	failures int
}

func newPauses(terms Terms) *pauses { return &pauses{terms: terms, chance: rand.Float64} }

// next is at least what the bridge asks for; the random part comes on top of it.
func (p *pauses) next(atLeast time.Duration) time.Duration {
	pause := p.terms.ShortestPause << min(p.failures, 20)
	p.failures++
	return atLeast + time.Duration(float64(min(pause, p.terms.LongestPause))*p.chance())
}

// startOver: things went well again.
func (p *pauses) startOver() { p.failures = 0 }

// wait returns early when the context ends.
func wait(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// delivery is one request under one key, tried until it is answered, refused, or patience is at its end.
type delivery struct {
	terms         Terms
	now           func() time.Time
	end           time.Time
	pauses        *pauses
	orderMayExist bool
}

func newDelivery(terms Terms, now func() time.Time) *delivery {
	return &delivery{terms: terms, now: now, end: now().Add(terms.Patience), pauses: newPauses(terms)}
}

// timeout is what the next try may take.
func (d *delivery) timeout() time.Duration {
	return max(time.Millisecond, min(d.terms.Timeout, d.end.Sub(d.now())))
}

// failed is the pause before the next try, if there is to be one. An order may exist if it may after any of the
// tries, whatever the last one says of itself.
func (d *delivery) failed(fault *Fault) (pause time.Duration, again bool) {
	d.orderMayExist = d.orderMayExist || fault.OrderMayExist
	fault.OrderMayExist = d.orderMayExist
	pause = d.pauses.next(fault.RetryAfter)
	return pause, fault.Passing() && d.now().Add(pause).Before(d.end)
}
