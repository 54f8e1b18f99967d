// One TCP connection to the bridge: a frame is its length as four bytes, the most significant first, and its bytes.
//
// Nothing here waits: what the socket does not take now is kept and offered again, up to OUT_MAX. Only the dialling waits,
// up to DIAL_MS for each of connecting and the TLS handshake, because MQL5 has no other way.
#ifndef MT5BRIDGE_CARRIER_MQH
#define MT5BRIDGE_CARRIER_MQH

#define FRAME_IN_MAX 65536
#define FRAME_OUT_MAX 1048576
#define PIECE 65536
#define READ_MAX 1048576
#define OUT_MAX 4194304
#define DIAL_MS 1000

class Carrier
  {
private:
   int               m_socket;
   uchar             m_in[];
   int               m_inFrom;
   int               m_inTo;
   uchar             m_out[];
   int               m_outFrom;
   int               m_outTo;
   string            m_thumbprint; // of the bridge's certificate
   string            m_fault;

   void              fail(const string why)
     {
      if(m_fault == "") m_fault = why;
     }

   // The bytes taken or given, 0 when there are none now; a broken connection becomes the fault.
   int               read(uchar &piece[])
     {
      ArrayResize(piece, 0);
      if(BridgeTls) return broken(SocketTlsReadAvailable(m_socket, piece, PIECE), "reading");
      uint readable = SocketIsReadable(m_socket);
      if(readable == 0) return broken(0, "reading");
      // It says 1 when it does not know; and it waits for all that it is asked for, at least a millisecond.
      return broken(SocketRead(m_socket, piece, (readable > PIECE) ? PIECE : readable, 1), "reading");
     }

   int               write(const uchar &piece[], const int size)
     {
      return broken(BridgeTls ? SocketTlsSend(m_socket, piece, (uint)size) : SocketSend(m_socket, piece, (uint)size), "writing");
     }

   int               broken(const int count, const string doing)
     {
      if(count > 0) return count;
      if(!SocketIsConnected(m_socket)) fail("the connection ended while " + doing);
      return 0;
     }

   // A connection to port 443 has TLS already; any other one gets it now.
   void              secure(const string host)
     {
      if(!hasCertificate() && !SocketTlsHandshake(m_socket, host))
        {
         fail("no TLS with " + BridgeAddress + ", error " + IntegerToString(GetLastError()));
        }
      else if(!hasCertificate()) fail("the bridge has shown no certificate, error " + IntegerToString(GetLastError()));
      else if(BridgeThumbprint != "" && BridgeThumbprint != m_thumbprint)
        {
         fail("the bridge's certificate is " + m_thumbprint + ", and not the one of BridgeThumbprint");
        }
     }

   bool              hasCertificate()
     {
      string subject, issuer, serial;
      datetime expiration;
      return SocketTlsCertificate(m_socket, subject, issuer, serial, m_thumbprint, expiration);
     }

public:
                     Carrier() : m_socket(INVALID_HANDLE), m_inFrom(0), m_inTo(0), m_outFrom(0), m_outTo(0), m_thumbprint(""), m_fault("") {}

   bool              open() { return m_socket != INVALID_HANDLE; }
   string            fault() { return m_fault; }
   string            thumbprint() { return m_thumbprint; }
   int               waiting() { return m_outTo - m_outFrom; }

   bool              dial()
     {
      close();
      m_fault = "";
      m_inFrom = 0;
      m_inTo = 0;
      m_outFrom = 0;
      m_outTo = 0;
      int colon = StringFind(BridgeAddress, ":");
      string host = StringSubstr(BridgeAddress, 0, colon);
      uint port = (uint)StringToInteger(StringSubstr(BridgeAddress, colon + 1));
      ResetLastError();
      m_socket = SocketCreate();
      if(m_socket == INVALID_HANDLE)
        {
         fail("no socket, error " + IntegerToString(GetLastError()));
         return false;
        }
      SocketTimeouts(m_socket, DIAL_MS, DIAL_MS); // of each answer that the handshake waits for
      if(!SocketConnect(m_socket, host, port, DIAL_MS))
        {
         int error = GetLastError();
         string hint = (error == 4014) ? "; allow this address in Tools, Options, Expert Advisors" : "";
         fail("cannot connect to " + BridgeAddress + ", error " + IntegerToString(error) + hint);
        }
      else if(BridgeTls) secure(host);
      if(m_fault != "") close();
      else SocketTimeouts(m_socket, 100, 100);
      return m_fault == "";
     }

   void              close()
     {
      if(m_socket != INVALID_HANDLE) SocketClose(m_socket);
      m_socket = INVALID_HANDLE;
     }

   // False: too much waits for the bridge.
   bool              send(const uchar &frame[])
     {
      int size = ArraySize(frame);
      if(waiting() + size + 4 > OUT_MAX)
        {
         fail("more than 4 MiB wait for the bridge");
         return false;
        }
      if(m_outFrom > 0 && m_outTo + size + 4 > ArraySize(m_out))
        {
         ArrayCopy(m_out, m_out, 0, m_outFrom, m_outTo - m_outFrom);
         m_outTo -= m_outFrom;
         m_outFrom = 0;
        }
      if(m_outTo + size + 4 > ArraySize(m_out)) ArrayResize(m_out, 2 * (m_outTo + size + 4));
      m_out[m_outTo] = (uchar)(size >> 24);
      m_out[m_outTo + 1] = (uchar)(size >> 16);
      m_out[m_outTo + 2] = (uchar)(size >> 8);
      m_out[m_outTo + 3] = (uchar)size;
      if(size > 0) ArrayCopy(m_out, frame, m_outTo + 4, 0, size);
      m_outTo += size + 4;
      return true;
     }

   // Offers what waits until the socket takes no more.
   void              flush()
     {
      uchar piece[];
      while(open() && m_fault == "" && waiting() > 0)
        {
         int offered = (int)MathMin(waiting(), PIECE);
         ArrayResize(piece, offered);
         ArrayCopy(piece, m_out, 0, m_outFrom, offered);
         int taken = write(piece, offered);
         m_outFrom += taken;
         if(taken <= 0) return;
        }
     }

   // Takes what has come, up to READ_MAX.
   void              fill()
     {
      uchar piece[];
      int room = READ_MAX;
      while(open() && m_fault == "" && room > 0)
        {
         int count = read(piece);
         if(count <= 0) return;
         room -= count;
         if(m_inFrom > 0 && m_inTo + count > ArraySize(m_in))
           {
            ArrayCopy(m_in, m_in, 0, m_inFrom, m_inTo - m_inFrom);
            m_inTo -= m_inFrom;
            m_inFrom = 0;
           }
         if(m_inTo + count > ArraySize(m_in)) ArrayResize(m_in, 2 * (m_inTo + count));
         ArrayCopy(m_in, piece, m_inTo, 0, count);
         m_inTo += count;
        }
     }

   // The next whole frame, if one has come.
   bool              next(uchar &frame[])
     {
      if(m_inTo - m_inFrom < 4) return false;
      long size = ((long)m_in[m_inFrom] << 24) | ((long)m_in[m_inFrom + 1] << 16) | ((long)m_in[m_inFrom + 2] << 8) | (long)m_in[m_inFrom + 3];
      if(size > FRAME_IN_MAX)
        {
         fail("the bridge sent a frame of " + IntegerToString(size) + " bytes; 65,536 is the most");
         return false;
        }
      if(m_inTo - m_inFrom < 4 + size) return false;
      ArrayResize(frame, (int)size);
      if(size > 0) ArrayCopy(frame, m_in, 0, m_inFrom + 4, (int)size);
      m_inFrom += 4 + (int)size;
      return true;
     }
  };

#endif
