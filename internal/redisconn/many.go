package redisconn

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Many marks, as its first argument, a script that does for many what it does for one: it takes keys and arguments that are the
// same for all, then those of each, and returns a list with the answer for each. Where several such scripts are on their way at
// the same time, they go as one: Redis spends as much time on a script's beginning as on half of its work.
//
// The mark itself reaches the script as an empty argument. A pointer to one stands for one kind of script.
type Many struct {
	Keys int // how many keys are the same for all
	Args int // how many arguments are, the mark included
}

// MarshalBinary implements encoding.BinaryMarshaler, as go-redis wants it of arguments.
func (*Many) MarshalBinary() ([]byte, error) { return nil, nil }

const keysFrom = 3 // EVALSHA, the script, the number of keys

// parts of a script's arguments: what is the same for all, and what is each's own.
type parts struct {
	many                                     *Many
	sharedKeys, ownKeys, sharedArgs, ownArgs []any
}

func partsOf(args []any) (parts, bool) {
	if len(args) < keysFrom {
		return parts{}, false
	}
	n, _ := args[2].(int)
	if n < 0 || keysFrom+n >= len(args) {
		return parts{}, false
	}
	keys, rest := args[keysFrom:keysFrom+n], args[keysFrom+n:]
	many, ok := rest[0].(*Many)
	if !ok || len(keys) < many.Keys || len(rest) < many.Args {
		return parts{}, false
	}
	return parts{many, keys[:many.Keys], keys[many.Keys:], rest[:many.Args], rest[many.Args:]}, true
}

// load is what goes to Redis as one command, for one passenger or several.
type load struct {
	parts
	passengers []*passenger
	keys, args []any // of all but the first, once there are several
}

func (l *load) takes(p *passenger, its parts) bool {
	cmd, other := l.passengers[0].cmd.Args(), p.cmd.Args()
	return l.many != nil && l.many == its.many && cmd[0] == other[0] && cmd[1] == other[1] &&
		slices.Equal(l.sharedKeys, its.sharedKeys) && slices.Equal(l.sharedArgs, its.sharedArgs)
}

// loaded puts together what can go together.
func loaded(crew []*passenger) []*load {
	loads := make([]*load, 0, len(crew))
next:
	for _, p := range crew {
		its, many := partsOf(p.cmd.Args())
		if many {
			for _, l := range loads {
				if l.takes(p, its) {
					l.passengers = append(l.passengers, p)
					l.keys, l.args = append(l.keys, its.ownKeys...), append(l.args, its.ownArgs...)
					continue next
				}
			}
		}
		loads = append(loads, &load{parts: its, passengers: []*passenger{p}})
	}
	return loads
}

// command is what is sent.
func (l *load) command() *redis.Cmd {
	first := l.passengers[0].cmd
	if len(l.passengers) == 1 {
		return first
	}
	args := slices.Concat(first.Args()[:2], []any{len(l.sharedKeys) + len(l.ownKeys) + len(l.keys)},
		l.sharedKeys, l.ownKeys, l.keys, l.sharedArgs, l.ownArgs, l.args)
	return redis.NewCmd(context.Background(), args...)
}

// deliver gives each passenger the answer that is its own.
func (l *load) deliver(cmd *redis.Cmd) {
	if len(l.passengers) == 1 {
		return
	}
	answers, err := cmd.Slice()
	if err == nil && len(answers) != len(l.passengers) {
		err = fmt.Errorf("a script for %d answered for %d", len(l.passengers), len(answers))
	}
	for i, p := range l.passengers {
		if err != nil {
			p.cmd.SetErr(err)
		} else {
			p.cmd.SetVal(answers[i : i+1])
		}
	}
}
