namespace EmbeddedPostgres;

/// <summary>The exception for a private cluster that could not be created, started or stopped. The message is meant for the user.</summary>
public class EmbeddedPostgresException(string message) : Exception(message);

/// <summary>The exception for missing server binaries, on the machine or in the given folder.</summary>
public sealed class PostgresNotFoundException(string message) : EmbeddedPostgresException(message);
