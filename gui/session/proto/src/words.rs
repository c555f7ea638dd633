//! What a person is told of each code of the engine, the server and the call, in one table.
