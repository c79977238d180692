package queue

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/hibiken/asynq"
)

// levelTrace is below debug: asynq's own debug messages come with every look at an empty queue.
const levelTrace = slog.LevelDebug - 4

// asynqLog writes asynq's messages to slog. What asynq calls information is its start and stop talk.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.write(levelTrace, args) }
func (l asynqLog) Info(args ...any)  { l.write(slog.LevelDebug, args) }
func (l asynqLog) Warn(args ...any)  { l.write(slog.LevelWarn, args) }
func (l asynqLog) Error(args ...any) { l.write(slog.LevelError, args) }

// Fatal does not end the process: only main does.
func (l asynqLog) Fatal(args ...any) { l.write(slog.LevelError, args) }

func (l asynqLog) write(level slog.Level, args []any) {
	l.log.Log(context.Background(), level, "asynq: "+fmt.Sprint(args...))
}

// asynqLevel spares asynq the formatting of what nobody reads.
func asynqLevel(log *slog.Logger) asynq.LogLevel {
	ctx := context.Background()
	switch {
	case log.Enabled(ctx, levelTrace):
		return asynq.DebugLevel
	case log.Enabled(ctx, slog.LevelDebug):
		return asynq.InfoLevel
	case log.Enabled(ctx, slog.LevelWarn):
		return asynq.WarnLevel
	}
	return asynq.ErrorLevel
}
