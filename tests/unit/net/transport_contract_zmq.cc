#include "tests/unit/net/transport_contract.h"
#include "tests/unit/net/zmq_fixture.h"

namespace lace::net::test {

INSTANTIATE_TYPED_TEST_SUITE_P(ZmqLocal, TransportContract, testing::Types<ZmqLocal>);
INSTANTIATE_TYPED_TEST_SUITE_P(ZmqRemote, TransportContract, testing::Types<ZmqRemote>);

}  // namespace lace::net::test
