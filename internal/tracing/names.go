package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// Our own attributes. Where OpenTelemetry's conventions have a name, that one is used.
const (
	attrWay         = attribute.Key("hpplink.way")         // by which the order came
	attrMerchant    = attribute.Key("hpplink.merchant")    // merchant_id
	attrRef         = attribute.Key("hpplink.ref")         // merchant_txn_ref
	attrLane        = attribute.Key("hpplink.lane")        // interactive or bulk
	attrBatch       = attribute.Key("hpplink.batch")       // that it was handed in with
	attrAnswer      = attribute.Key("hpplink.answer")      // of the door
	attrProblems    = attribute.Key("hpplink.problems")    // how many things are wrong with it
	attrGeneration  = attribute.Key("hpplink.generation")  //
	attrAttempt     = attribute.Key("hpplink.attempt")     // 1 is the first, of the generation
	attrOutcome     = attribute.Key("hpplink.outcome")     // of the call
	attrCode        = attribute.Key("hpplink.code")        // why it is that
	attrSettled     = attribute.Key("hpplink.settled")     // what the ledger made of it
	attrFailureCode = attribute.Key("hpplink.failure")     // the code of link.failed
	attrUncertain   = attribute.Key("hpplink.uncertain")   // a link, or an email, may exist from an attempt before
	attrRetryIn     = attribute.Key("hpplink.retry_in_ms") // nobody looks before
	attrSMTPStatus  = attribute.Key("hpplink.smtp.status") // the mail server's reply code
)

// names are the attributes that tell where messages are.
type names struct {
	orders  []attribute.KeyValue                // taken from the stream of orders
	results []attribute.KeyValue                // put onto the stream of results
	tasks   map[order.Lane][]attribute.KeyValue // taken from a queue
}

func namesOf(namespace string) names {
	keys := ledger.NamespaceKeys(namespace)
	n := names{
		orders:  message("redis", keys.Orders(), semconv.MessagingOperationTypeProcess),
		results: message("redis", keys.Results(), semconv.MessagingOperationTypeSend),
		tasks:   map[order.Lane][]attribute.KeyValue{},
	}
	for _, lane := range []order.Lane{order.Interactive, order.Bulk, queue.Email} {
		n.tasks[lane] = message("asynq", queue.Name(namespace, lane), semconv.MessagingOperationTypeProcess)
	}
	return n
}

func message(system, destination string, operation attribute.KeyValue) []attribute.KeyValue {
	return []attribute.KeyValue{semconv.MessagingSystemKey.String(system), semconv.MessagingDestinationName(destination), operation}
}

// who names an order. Of one that was refused its parts may be as long as an event, so they are cut.
func who(key order.Key) []attribute.KeyValue {
	named := key.Brief()
	return []attribute.KeyValue{attrMerchant.String(named.MerchantID), attrRef.String(named.Ref)}
}
