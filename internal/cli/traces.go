package cli

import "github.com/hpplink/hpplink/internal/tracing"

// traces says where traces go, if they are asked for.
func traces() []finding {
	where, err := tracing.Check()
	switch {
	case err != nil:
		return mend("traces", err)
	case where == "":
		return nil
	}
	return []finding{fine("traces", "to %s; it was not asked", where)}
}
