// opens N sessions, pings them, and measures an acks=all producer
import { connect } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
const N=Number(process.argv[2]), SECONDS=Number(process.argv[3]??20), TIMEOUT=Number(process.argv[4]??10000);
const zk=process.env.ZK!.split(',').map(a=>({host:'127.0.0.1',port:Number(a.split(':').pop())}));
const kafka=new Kafka({brokers:process.env.KAFKA!.split(','),logLevel:logLevel.NOTHING,retry:{retries:10}});
const admin=kafka.admin(); await admin.connect(); await admin.createTopics({waitForLeaders:true,topics:[{topic:'t',numPartitions:3,replicationFactor:3}]});
const p=kafka.producer(); await p.connect();
let stop=false; const lat:number[]=[]; let fails=0; let worst=0, phaseWorst:Record<string,number>={}; let phase='before'; let phaseN:Record<string,number>={};
const loop=(async()=>{ while(!stop){ const t=performance.now(); try{ await p.send({topic:'t',acks:-1,messages:[{value:'x'}]}); }catch(e){ fails++; } const d=performance.now()-t; lat.push(d); phaseWorst[phase]=Math.max(phaseWorst[phase]??0,d); phaseN[phase]=(phaseN[phase]??0)+1; await new Promise(r=>setTimeout(r,5)); } })();
await new Promise(r=>setTimeout(r,3000));
phase='opening';
const hs=(()=>{const b=Buffer.alloc(4+44+1);b.writeInt32BE(45,0);b.writeInt32BE(0,4);b.writeBigInt64BE(0n,8);b.writeInt32BE(TIMEOUT,16);b.writeBigInt64BE(0n,20);b.writeInt32BE(16,28);return b;})();
const ping=(()=>{const b=Buffer.alloc(12);b.writeInt32BE(8,0);b.writeInt32BE(-2,4);b.writeInt32BE(11,8);return b;})();
let open=0,dead=0,pongs=0; const socks=[] as any[];
const t0=performance.now();
function one(i:number){ return new Promise<void>(res=>{ const s=connect(zk[i%zk.length]!); let n=0; s.on('connect',()=>s.write(hs)); s.on('data',d=>{ if(n++===0){open++;(s as any).zk=true;res();} else pongs++; }); s.on('error',()=>{res();}); s.on('close',()=>{dead++;res();}); socks.push(s); }); }
let k=0; const iv=setInterval(()=>{ const m=open; const n=Math.ceil(m*50/Math.max(1,TIMEOUT/3)); for(let i=0;i<n;i++){ const s=socks[k++%socks.length]; if(s&&!s.destroyed&&s.readyState==='open'&&s.zk) s.write(ping); } },50);
let next=0; await Promise.all(Array.from({length:500},async()=>{ while(next<N){ await one(next++); } }));
console.log(`opened ${open} in ${((performance.now()-t0)/1000).toFixed(1)} s, dead ${dead}`);
phase='idle';
const idle0=process.cpuUsage(); 
await new Promise(r=>setTimeout(r,SECONDS*1000));
console.log(`dead after idling ${dead}, pongs ${pongs}`);
phase='silent'; clearInterval(iv);
if(process.argv[5]) { await new Promise(r=>setTimeout(r,TIMEOUT+8000)); console.log(`dead after silence ${dead}`); }
phase='closing'; for(const s of socks) s.destroy(); await new Promise(r=>setTimeout(r,2000));
stop=true; await loop; console.log('worst ms by phase',Object.fromEntries(Object.entries(phaseWorst).map(([k,v])=>[k,Math.round(v)])),'n',phaseN,'fails',fails);
process.exit(0);
