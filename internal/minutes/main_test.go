package minutes_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }
