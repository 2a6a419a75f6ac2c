using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SagaRecovery.Cli.Tests.Support;

/// <summary>A server that answers with texts of the test, or never, as a broken or foreign service does.</summary>
internal sealed class CannedService : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<string> _requests = [];
    private readonly Task _answering;

    /// <param name="answer">Status line, headers and body; null: the server never answers.</param>
    /// <param name="later">The answers to the second request and the later ones. The last of all is repeated.</param>
    public CannedService(string? answer, params IReadOnlyList<string> later)
    {
        _listener.Start();
        _answering = AnswerAsync(answer, new Queue<string>(later));
    }

    public string Url => $"http://{_listener.LocalEndpoint}";

    public IReadOnlyList<string> Requests => _requests;

    public static string Answer(string status, string body, string type = "application/problem+json") =>
        $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _answering;
    }

    private async Task AnswerAsync(string? answer, Queue<string> later)
    {
        var silent = new List<TcpClient>();
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                if (answer is null)
                {
                    silent.Add(client);
                    continue;
                }

                using (client)
                {
                    _requests.Add(await ReadAsync(client.GetStream()));
                    await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(answer));
                    answer = later.TryDequeue(out string? next) ? next : answer;
                }
            }
        }
        catch (Exception ended) when (ended is SocketException or InvalidOperationException) // stopped while it waited, or before
        {
            silent.ForEach(client => client.Dispose());
        }
    }

    /// <summary>Reads a request with its body, which may arrive after the headers.</summary>
    private static async Task<string> ReadAsync(NetworkStream stream)
    {
        byte[] buffer = new byte[8192];
        int length = 0;
        while (true)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(length));
            length += read;
            string request = Encoding.UTF8.GetString(buffer, 0, length);
            string[] parts = request.Split("\r\n\r\n", 2);
            const string Header = "Content-Length: ";
            int expected = parts[0].Split("\r\n").Where(line => line.StartsWith(Header, StringComparison.OrdinalIgnoreCase)).Select(line => int.Parse(line[Header.Length..], CultureInfo.InvariantCulture))
                .SingleOrDefault();
            if (read == 0 || length == buffer.Length || (parts.Length == 2 && Encoding.UTF8.GetByteCount(parts[1]) >= expected))
            {
                return request;
            }
        }
    }
}
