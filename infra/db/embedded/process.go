//go:build unix

package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// killPatience is how long an immediate shutdown may take before the process is killed.
const killPatience = 5 * time.Second

// process is a started postmaster.
type process struct {
	cmd      *exec.Cmd
	done     chan struct{} // closed once it has ended and err is set
	err      error
	stopping atomic.Bool
}

// runProcess starts the command on a thread that lasts as long as the child: the child's death
// signal follows the thread that started it, not the whole of this process.
func runProcess(cmd *exec.Cmd, log *slog.Logger) (*process, error) {
	dieWithParent(cmd.SysProcAttr)
	p := &process{cmd: cmd, done: make(chan struct{})}
	p.stopping.Store(true) // until it is ready, its end is told by waitReady
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
		if !p.stopping.Load() {
			log.Error("PostgreSQL stopped unexpectedly", "error", p.err)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	return p, nil
}

// waitReady returns once the server takes connections. When it cannot, or the context ends, the
// process has ended before waitReady returns.
func (p *process) waitReady(ctx context.Context, cluster string) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if found, ok := readPostmaster(cluster); ok && found.ready && found.pid == p.cmd.Process.Pid {
			p.stopping.Store(false)
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%w: %w", ErrStart, errOrNil(p.err))
		case <-ctx.Done():
			p.end()
			return fmt.Errorf("%w: %w", ErrStart, ctx.Err())
		case <-tick.C:
		}
	}
}

// errOrNil stands in for the error of a process that ended without one.
func errOrNil(err error) error {
	if err == nil {
		return ErrExited
	}
	return err
}

// stop asks for a fast shutdown and waits.
func (p *process) stop(ctx context.Context) error {
	p.stopping.Store(true)
	select {
	case <-p.done:
		return fmt.Errorf("%w: %w", ErrExited, errOrNil(p.err))
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGINT) // fails only when it has just ended
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.end()
		return fmt.Errorf("stop PostgreSQL: %w", ctx.Err())
	}
}

// end stops the server at once: an immediate shutdown, then a kill.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	timer := time.NewTimer(killPatience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}
