package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Foreign returns the names of asynq queues in this Redis that are of none of the namespaces, sorted.
func Foreign(ctx context.Context, rdb redis.UniversalClient, namespaces ...string) ([]string, error) {
	names, err := rdb.SMembers(ctx, allQueuesKey).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the names of queues: %w", err)
	}
	var ours []string
	for _, namespace := range namespaces {
		ours = append(ours, Name(namespace, order.Interactive), Name(namespace, order.Bulk), Name(namespace, Email))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(ours, name) })
	slices.Sort(names)
	return names, nil
}
