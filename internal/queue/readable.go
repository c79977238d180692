package queue

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// readable reports whether asynq can decode what is stored for a task: what it can not it takes off its queue and gives no slot.
func readable(encoded any) bool {
	text, ok := encoded.(string)
	return ok && allFields([]byte(text), func(number protowire.Number, value []byte) bool {
		switch number { // of asynq's TaskMessage (internal/proto/asynq.proto, which can not be imported)
		case 1, 3, 4, 7, 10, 14: // texts
			return utf8.Valid(value)
		case 15: // headers, each a message of two texts
			return allFields(value, func(number protowire.Number, value []byte) bool { return number > 2 || utf8.Valid(value) })
		}
		return true
	})
}

// allFields reports whether a message is whole, and its fields of bytes are good.
func allFields(message []byte, good func(protowire.Number, []byte) bool) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(number, kind, message)
		if size < 0 {
			return false
		}
		if kind == protowire.BytesType {
			if value, _ := protowire.ConsumeBytes(message); !good(number, value) {
				return false
			}
		}
		message = message[size:]
	}
	return true
}
