"""What every gRPC server and channel of collatio is made of."""
