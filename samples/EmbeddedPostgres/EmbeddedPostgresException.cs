namespace EmbeddedPostgres;

/// <summary>A private cluster could not be made, started or stopped. The message is for the person at the terminal.</summary>
public class EmbeddedPostgresException(string message) : Exception(message);

/// <summary>There are no server binaries on this machine, or not in the folder that was named.</summary>
public sealed class PostgresNotFoundException(string message) : EmbeddedPostgresException(message);
