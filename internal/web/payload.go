package web

import (
	"fmt"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// payloadText shows a task's payload: references to orders as they are, full orders with what is personal masked, and of all else,
// such as the tasks of other programs in the same Redis, how long it is.
func payloadText(taskType string, payload []byte) string {
	if taskType != queue.TypeGenerate && taskType != queue.TypeEmail {
		return notShown(payload)
	}
	if key, ok := order.DecodeReference(payload); ok {
		return string(key.Brief().Reference())
	}
	o, err := order.Decode(payload)
	if err != nil {
		return notShown(payload)
	}
	return string(o.Masked())
}

// resultText shows no result: tasks of ours have none, and those of others are not ours to show.
func resultText(_ string, result []byte) string {
	if len(result) == 0 {
		return ""
	}
	return notShown(result)
}

func notShown(data []byte) string { return fmt.Sprintf("not shown: %d bytes", len(data)) }
