using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace EmbeddedPostgres;

/// <summary>Ports for servers that listen on 127.0.0.1 only.</summary>
internal static class LoopbackPort
{
    /// <summary>
    /// Returns a free port below the range of outgoing connections (32768 and up on Linux), so that none of those can take it while
    /// the server is down.
    /// </summary>
    public static int Free()
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            int port = RandomNumberGenerator.GetInt32(20_000, 32_000);
            if (IsFree(port))
            {
                return port;
            }
        }

        throw new EmbeddedPostgresException("No free port was found on 127.0.0.1 between 20000 and 32000.");
    }

    public static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
