using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Hosting;

/// <summary>Configures and checks the addresses that the service listens on.</summary>
internal static class ListenAddresses
{
    public static void UseDefault(WebApplicationBuilder builder, string url)
    {
        ConfigurationManager settings = builder.Configuration;
        if (settings["urls"] is null && settings["http_ports"] is null && settings["https_ports"] is null
            && !settings.GetSection("Kestrel:Endpoints").Exists())
        {
            builder.WebHost.UseUrls(url);
        }
    }

    /// <summary>
    /// Throws if another process listens on one of the addresses.
    /// </summary>
    /// <remarks>
    /// Kestrel would also fail, but too late: a second copy, started by mistake, would already have joined as the coordinator and fenced
    /// the first one.
    /// </remarks>
    public static void ThrowIfTaken(WebApplicationBuilder builder)
    {
        foreach (string url in (builder.Configuration["urls"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            BindingAddress address;
            try
            {
                address = BindingAddress.Parse(url);
            }
            catch (FormatException)
            {
                throw new SettingException($"'{url}' is not a valid address to listen on. Example: --urls http://127.0.0.1:5080");
            }

            if (!address.IsUnixPipe && !address.IsNamedPipe && IsTaken(address))
            {
                throw new SettingException($"{url} is in use by another process. Pass another address with --urls.");
            }
        }
    }

    private static bool IsTaken(BindingAddress address)
    {
        bool isIp = IPAddress.TryParse(address.Host.Trim('[', ']'), out IPAddress? ip);
        IPAddress host = isIp ? ip! : address.Host == "localhost" ? IPAddress.Loopback : IPAddress.Any;
        using var socket = new Socket(host.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(host, address.Port));
            return false;
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return true;
        }
    }
}
